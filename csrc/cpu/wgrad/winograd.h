// The gradient with respect to 3x3 kernels in the Winograd domain, a way of conv_wgrad.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

// Whether it can do `shape` in less time than the direct sum.
bool winograd_gradient_pays(const ConvShape& shape);
std::int64_t winograd_gradient_workspace(const ConvShape& shape, int threads);
void winograd_gradient(const ConvShape& shape, ConstTensor x, ConstTensor dy, float* dweights,
                       float* workspace, std::int64_t workspace_floats);

}  // namespace pydarknet
