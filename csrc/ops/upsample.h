#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// stride > 0: y (n, c, h * stride, w * stride) repeats each pixel, times scale.
// stride < 0: y (n, c, h / -stride, w / -stride) is the sum of each tile, times scale (Darknet's reverse).
// Blocked activations.
void upsample_forward(ConstTensor x, Tensor y, int stride, float scale, Stream stream);

// dx of the same stride and scale: the transposed map. With `accumulate` dx grows, else it is written.
void upsample_backward(ConstTensor dy, Tensor dx, int stride, float scale, bool accumulate, Stream stream);

}  // namespace pydarknet
