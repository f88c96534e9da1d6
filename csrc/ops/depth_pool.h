// AlexeyAB's maxpool_depth: the maximum over channels.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Channel g of y is the maximum of the channels g, g + y.c, g + 2 y.c ... of x, pixel by pixel; NaNs, and no
// channel at all, count as -FLT_MAX.
void depth_pool_forward(ConstPlain x, Plain y, Stream stream);

// Each dy goes to the first of these channels that is the maximum; where nothing exceeds -FLT_MAX it goes
// nowhere. With `accumulate` dx grows, else it is written.
void depth_pool_backward(ConstPlain x, ConstPlain dy, Plain dx, bool accumulate, Stream stream);

}  // namespace pydarknet
