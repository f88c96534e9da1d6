#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void wgrad_gemm_tf32(const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  run_wgrad_gemm<Tf32WgradSums>(call, plan, stream);
}

}  // namespace pydarknet
