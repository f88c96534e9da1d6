// Between what users see (NCHW) and what kernels work on (channel blocks).
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// x and y hold the same n, h, w; y.c is x.c rounded up to whole blocks. Lanes past x.c become 0.
void to_blocked(ConstPlain x, Tensor y, Stream stream);
// y.c <= x.c; lanes past y.c are dropped.
void from_blocked(ConstTensor x, Plain y, Stream stream);

}  // namespace pydarknet
