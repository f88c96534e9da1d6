#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void wgrad_gemm_fp32(const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  run_wgrad_gemm<FloatWgradSums>(call, plan, stream);
}

}  // namespace pydarknet
