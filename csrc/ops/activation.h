// Activations: each formula is in shared/activation.h.
#pragma once
#include <string>

#include "ops/tensor.h"

namespace pydarknet {

// One of the list in shared/activation.h.
enum class Activation : int;

// Throws std::invalid_argument for a name that is no activation.
Activation parse_activation(const std::string& name);

// y[i] = f(x[i]) for `count` floats; y may be x.
void activate(const float* x, float* y, std::int64_t count, Activation activation, Stream stream);

// dy[i] *= f'(x[i]). By Darknet's formulas the slope is found from the output: v[i] = f(x[i]). Those of
// swish, mish, hard_mish and gelu need the input: v[i] = x[i]. (AlexeyAB's fork finds gelu's at the output
// instead.)
void activate_backward(const float* v, float* dy, std::int64_t count, Activation activation, Stream stream);

}  // namespace pydarknet
