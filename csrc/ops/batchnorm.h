#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y = x * scale[c] + bias[c] for `channels` logical channels: batch normalisation whose mean and variance
// have been folded into scale and bias. Blocked; y may be x. Lanes past `channels` become 0.
void scale_bias(ConstTensor x, const float* scale, const float* bias, int channels, Tensor y, Stream stream);

}  // namespace pydarknet
