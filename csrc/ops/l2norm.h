#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y = x / |x| over the channels of each pixel; where all are 0 they stay 0 (Darknet divides by zero). Plain;
// y may be x.
void l2norm_forward(ConstPlain x, Plain y, Stream stream);

}  // namespace pydarknet
