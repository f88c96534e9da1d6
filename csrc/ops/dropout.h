#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y = x * scale where mask is not 0, 0 elsewhere, for `count` floats in any layout. y may be x.
void dropout_forward(const float* x, const std::uint8_t* mask, float* y, std::int64_t count, float scale,
                     Stream stream);

// dx = dy * scale where mask is not 0, 0 elsewhere; with `accumulate` dx grows by that. dx may be dy.
void dropout_backward(const float* dy, const std::uint8_t* mask, float* dx, std::int64_t count, float scale,
                      bool accumulate, Stream stream);

}  // namespace pydarknet
