// Some of what a 1x1 convolution and the softmax behind it give: for heads with thousands of classes, of
// which few boxes need few.
#pragma once
#include "ops/precision.h"
#include "ops/tensor.h"

namespace pydarknet {

// A convolution of one pixel, stride 1, one group, without activation: x blocked with c channels, weights
// (k, c) as a file has them, in any memory that floats may lie in, bias (k). Factors are rounded as the
// convolution rounds them that has this precision.
struct PointwiseConv {
  ConstTensor x;
  const float* weights;
  const float* bias;
  int c, k;
  Precision precision = Precision::kFp32;

  PYDARKNET_HD std::int64_t pixels() const { return std::int64_t{x.n} * x.h * x.w; }
};

// Request i is for the softmax over filters [filters[i], filters[i] + starts[i + 1] - starts[i]) at pixel
// pixels[i], counted image by image, row by row; its values begin at starts[i], and end within `room`.
struct PointwiseRequests {
  std::int64_t count, room;
  const std::int32_t* pixels;
  const std::int32_t* filters;
  const std::int64_t* starts;

  PYDARKNET_HD std::int64_t size(std::int64_t i) const { return starts[i + 1] - starts[i]; }
};

// Consecutive requests for the same filters read their weights together. On the CPU the values are, bit by
// bit, those of `direct` and softmax_forward on planes of more than one pixel.
void pointwise_softmax(const PointwiseConv& conv, const PointwiseRequests& requests, float* values,
                       Stream stream);

}  // namespace pydarknet
