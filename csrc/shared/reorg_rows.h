// How rows of blocked images meet in Darknet's reorganisation (see reorg.h): a row of the small image
// (channels * stride^2, h / stride, w / stride) is every stride-th value of a row of the large one (channels,
// h, w), as the memory of both, read as reorg.h says, is cut in rows `stride` times as long.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Of the first value.
struct RowPlace {
  std::int64_t channel, row, column;

  // In a blocked image of this size.
  PYDARKNET_HD const float* in(const ConstTensor& x, int image) const {
    return x.block(image, static_cast<int>(channel / kBlock)) + (row * x.w + column) * kBlock +
           channel % kBlock;
  }
};

class ReorgRows {
 public:
  ReorgRows(int channels, int h, int stride) : h_(h), stride_(stride), depth_(channels / (stride * stride)) {}

  // Where a row of the small image begins in the large one.
  PYDARKNET_HD RowPlace in_large(std::int64_t channel, std::int64_t row) const {
    const std::int64_t cut = channel * (h_ / stride_) + row, piece = cut % stride_, k = cut / stride_ / h_;
    const std::int64_t corner = k / depth_, j = cut / stride_ % h_;
    const std::int64_t large = ((k % depth_ * h_ + j) * stride_ + corner / stride_) * stride_ + piece;
    return {large / h_, large % h_, corner % stride_};
  }
  // Where the values column, column + stride, .. of a row of the large image begin in the small one.
  PYDARKNET_HD RowPlace in_small(std::int64_t channel, std::int64_t row, std::int64_t column) const {
    const std::int64_t cut = channel * h_ + row, piece = cut % stride_, large = cut / stride_;
    const std::int64_t k = (large % stride_ * stride_ + column) * depth_ + large / stride_ / h_;
    const std::int64_t small = (k * h_ + large / stride_ % h_) * stride_ + piece, small_h = h_ / stride_;
    return {small / small_h, small % small_h, 0};
  }

 private:
  std::int64_t h_, stride_, depth_;
};

}  // namespace pydarknet
