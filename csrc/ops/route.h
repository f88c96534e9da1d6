#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Copies the first `channels` logical channels of x into y, from logical channel `offset` on. Blocked.
// Lanes of y below `offset` stay; those between offset + channels and the end of that block become 0, so the
// parts of a concatenation are copied in ascending order.
void copy_channels(ConstTensor x, Tensor y, int offset, int channels, Stream stream);

}  // namespace pydarknet
