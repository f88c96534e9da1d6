// The micro-kernels of BF16 in pairs.
#pragma once
#include "cpu/simd/microkernel.h"

namespace pydarknet {

// Those that simd::multiplier() says are used.
const simd::ProductKernels& pair_kernels();

}  // namespace pydarknet
