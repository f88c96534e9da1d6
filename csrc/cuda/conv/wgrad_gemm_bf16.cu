#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void correlate_bf16(const CorrelateCall& call, const CorrelatePlan& plan, Stream stream) {
  run_correlate<Bf16Correlation>(call, plan, stream);
}

}  // namespace pydarknet
