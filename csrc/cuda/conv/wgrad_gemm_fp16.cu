#include "cuda/conv/wgrad_gemm.h"

namespace pydarknet {

void correlate_fp16(const CorrelateCall& call, const CorrelatePlan& plan, Stream stream) {
  run_correlate<Fp16Correlation>(call, plan, stream);
}

}  // namespace pydarknet
