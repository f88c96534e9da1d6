#include "ops/conv_implicit.h"

namespace pydarknet {

void gemm_fp32(const GemmCall& call) { run_gemm<FloatSums>(call); }

}  // namespace pydarknet
