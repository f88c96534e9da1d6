#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y is the middle y.h x y.w pixels of x, times scale plus shift. Plain.
void crop_forward(ConstPlain x, Plain y, float scale, float shift, Stream stream);

}  // namespace pydarknet
