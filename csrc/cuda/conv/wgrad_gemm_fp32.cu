#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void correlate_fp32(const CorrelateCall& call, const CorrelatePlan& plan, Stream stream) {
  run_correlate<FloatCorrelation>(call, plan, stream);
}

}  // namespace pydarknet
