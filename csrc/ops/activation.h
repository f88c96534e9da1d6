// Darknet's activations (activations.c), and those AlexeyAB's fork adds that are plain element-wise
// functions.
#pragma once
#include <string>

#include "ops/tensor.h"

namespace pydarknet {

enum class Activation {
  kLinear,
  kLogistic,
  kLoggy,
  kRelu,
  kElu,
  kSelu,
  kRelie,
  kPlse,
  kHardtan,
  kLhtan,
  kRamp,
  kLeaky,
  kTanh,
  kStair,
  kRelu6,
  kSwish,
  kMish,
  kHardMish,
  kGelu,
};

// Throws std::invalid_argument for a name that is no activation.
Activation parse_activation(const std::string& name);

// x[i] = f(x[i]) for `count` floats.
void activate(float* x, std::int64_t count, Activation activation, Stream stream);

// Whether the slope is a function of the output: not for swish, mish, hard_mish and gelu.
bool trainable(Activation activation);

// dy[i] *= f'(x[i]), found from the output y[i] = f(x[i]) by Darknet's formulas, for a trainable activation.
void activate_backward(const float* y, float* dy, std::int64_t count, Activation activation, Stream stream);

}  // namespace pydarknet
