#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/upsample.h"

namespace pydarknet {
namespace {

struct Enlarge {
  ConstTensor x;
  Tensor y;
  std::uint32_t stride;
  float scale;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::uint32_t row = pixel / y.w / stride, column = pixel % y.w / stride;
    const Lanes v = load(x.data + plane * x.plane() + (std::int64_t{row} * x.w + column) * kBlock);
    put(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, v * scale, accumulate);
  }
};

struct Reduce {
  ConstTensor x;
  Tensor y;
  int stride;
  float scale;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t row = std::int64_t{pixel / y.w} * stride, column = std::int64_t{pixel % y.w} * stride;
    const float* tile = x.data + plane * x.plane() + (row * x.w + column) * kBlock;
    Lanes sum = splat(0.0f);
    for (int r = 0; r < stride; ++r, tile += std::int64_t{x.w} * kBlock) {
      for (int s = 0; s < stride; ++s) sum = sum + load(tile + s * kBlock);
    }
    put(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, sum * scale, accumulate);
  }
};

// stride > 0 enlarges, stride < 0 reduces.
void resample(const char* name, ConstTensor x, Tensor y, int stride, float scale, bool accumulate,
              Stream stream) {
  if (stride > 0) {
    const Enlarge body{x, y, static_cast<std::uint32_t>(stride), scale, accumulate};
    for_pixels(name, planes_of(y), pixels_of(y), stream, body);
  } else {
    for_pixels(name, planes_of(y), pixels_of(y), stream, Reduce{x, y, -stride, scale, accumulate});
  }
}

}  // namespace

void upsample_forward(ConstTensor x, Tensor y, int stride, float scale, Stream stream) {
  resample("upsample_forward", x, y, stride, scale, false, stream);
}

void upsample_backward(ConstTensor dy, Tensor dx, int stride, float scale, bool accumulate, Stream stream) {
  resample("upsample_backward", dy, dx, -stride, scale, accumulate, stream);
}

}  // namespace pydarknet
