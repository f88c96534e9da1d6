#include "cuda/conv/implicit.h"

namespace pydarknet {

void gemm_tf32(const GemmCall& call) { run_gemm<Tf32Sums>(call); }

}  // namespace pydarknet
