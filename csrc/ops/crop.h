#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y is the middle y.h x y.w pixels of x, times scale plus shift. Plain.
void crop_forward(ConstPlain x, Plain y, float scale, float shift, Stream stream);

// The y.h x y.w pixels of x from (top, left) on; with `flip` the columns counted from the right, as Darknet
// does: column j is x.w - 1 - left - j.
struct CropPlace {
  int top, left;
  bool flip;
};
void crop_train(ConstPlain x, Plain y, CropPlace place, float scale, float shift, Stream stream);

}  // namespace pydarknet
