#include "cuda/conv/implicit.h"

namespace pydarknet {

void gemm_fp16(const GemmCall& call) { run_gemm<Fp16Sums>(call); }

}  // namespace pydarknet
