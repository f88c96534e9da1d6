// Activations as part of the pass that writes a convolution's output.
#pragma once
#include <cstdint>

#include "ops/precision.h"
#include "shared/activation.h"

namespace pydarknet {

// y[i] = f(y[i]) for `count` consecutive floats, in this thread.
using ActivateFloats = void (*)(float* y, std::int64_t count);

// nullptr for the rectifiers, which simd/vec.h makes of sums in registers. As exact as `precision` asks for.
ActivateFloats activation_after(Activation activation, Precision precision);

}  // namespace pydarknet
