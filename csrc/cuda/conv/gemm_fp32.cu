#include "cuda/conv/implicit.h"

namespace pydarknet {

void gemm_fp32(const GemmCall& call) { run_gemm<FloatSums>(call); }

}  // namespace pydarknet
