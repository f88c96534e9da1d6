// An image as several smaller ones, and back: what a dilated convolution is on is an undilated one.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Pixel (i, j) of part (a, b) is pixel (every_y * i + step_y * a - pad_y, every_x * j + step_x * b - pad_x)
// of the image. No two of them are the same one. Parts follow each other as images: an image's first, row
// by row.
struct Parts {
  int rows, columns;
  int every_y, every_x, step_y, step_x, pad_y, pad_x;
  PYDARKNET_HD int count() const { return rows * columns; }
};

// Pixels that lie outside of the image are 0. parts has n * count() images; both blocked.
void space_to_batch(ConstTensor whole, Tensor parts, const Parts& cut, Stream stream);

// The transpose: pixels of the image that no part has are 0, pixels of parts that lie outside are dropped.
void batch_to_space(ConstTensor parts, Tensor whole, const Parts& cut, Stream stream);

}  // namespace pydarknet
