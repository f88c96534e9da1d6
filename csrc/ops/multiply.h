// Products of two activations, one of which may be the same for many pixels or channels ([scale_channels],
// [sam]).
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// What a factor (n, c, h, w) is to the x (n, c, h, w) that it multiplies.
enum class FactorOf {
  kNumber,   // one for each number: it has the shape of x
  kChannel,  // one for each channel: (n, c, 1, 1)
  kPixel,    // one for each pixel: (n, 1, h, w), in lane 0 of a block
};

// y = x * factor. Blocked; y may be x. The gradient to x is the same of dy.
void multiply_forward(ConstTensor x, ConstTensor factor, Tensor y, FactorOf of, Stream stream);

// The gradient to the factor: the sum of x * dy over what it multiplies, of the first `channels`. With
// `accumulate` dfactor grows, else it is written.
void multiply_backward(ConstTensor x, ConstTensor dy, Tensor dfactor, int channels, FactorOf of,
                       bool accumulate, Stream stream);

}  // namespace pydarknet
