// What multiplies where matrix registers can.
#pragma once

namespace pydarknet::simd {

enum class Multiplier { kVectors, kAmx, kPlainMatrices };

// As use_matrices() (ops/precision.h) has it. kAmx only where the machine has AMX, the system lets this
// process use it, and it computes what PlainMatrices do.
Multiplier multiplier();

}  // namespace pydarknet::simd
