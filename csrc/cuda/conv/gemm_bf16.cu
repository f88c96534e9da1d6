#include "cuda/conv/implicit.h"

namespace pydarknet {

void gemm_bf16(const GemmCall& call) { run_gemm<Bf16Sums>(call); }

}  // namespace pydarknet
