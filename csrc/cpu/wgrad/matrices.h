// The gradient with respect to the weights by matrix registers, a way of conv_wgrad.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

// Whether this process has matrix registers, and `shape` is summed by them.
bool matrix_gradient_pays(const ConvShape& shape);
std::int64_t matrix_gradient_workspace(const ConvShape& shape, int threads);
void matrix_gradient(const ConvShape& shape, ConstTensor x, ConstTensor dy, float* dweights, float* workspace,
                     std::int64_t workspace_floats);

}  // namespace pydarknet
