#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void wgrad_gemm_bf16(const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  run_wgrad_gemm<Bf16WgradSums>(call, plan, stream);
}

}  // namespace pydarknet
