#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void correlate_tf32(const CorrelateCall& call, const CorrelatePlan& plan, Stream stream) {
  run_correlate<Tf32Correlation>(call, plan, stream);
}

}  // namespace pydarknet
