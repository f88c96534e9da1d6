// Darknet's reorganisation. It reads the channels of a small image as the pixels of a larger one: value
// (k, j, i) of a (c, h, w) image meets value (k % d, j * s + k / d / s, i * s + k / d % s) of the same
// memory seen as (d, h * s, w * s), with d = c / s^2. Trained weights depend on this order.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// x (n, c, h, w), c a multiple of stride^2. Forward gathers: y[small index] = x[large index]; reverse
// scatters: y[large index] = x[small index]. y has as many floats as x, whatever its shape.
void reorg_forward(ConstPlain x, float* y, int stride, bool reverse, Stream stream);

// Transposes channels and pixels of each image: y[pixel][channel] = x[channel][pixel], or back if `reverse`.
void reorg_flatten(ConstPlain x, float* y, bool reverse, Stream stream);

// Each image of x, followed by `extra` zeros.
void reorg_extend(ConstPlain x, float* y, int extra, Stream stream);

// The forward reorganisation from blocked to blocked: x (n, channels, h, w) with h and w multiples of stride,
// y (n, channels * stride^2, h / stride, w / stride). Lanes past y's channels become 0.
void reorg_blocked(ConstTensor x, Tensor y, int channels, int stride, Stream stream);

// Its gradient, the way back: dx (n, channels, h, w). With `accumulate` dx grows, else it is written.
void reorg_backward(ConstTensor dy, Tensor dx, int channels, int stride, bool accumulate, Stream stream);

}  // namespace pydarknet
