#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void wgrad_gemm_fp16(const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  run_wgrad_gemm<Fp16WgradSums>(call, plan, stream);
}

}  // namespace pydarknet
