#include "ops/upsample.h"

#include <cstring>

#include "cpu/lib/accumulate.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// One row of x to `stride` equal rows of y.
void enlarge_row(const float* from, int width, float* to, int stride, float scale) {
  const std::int64_t out_row = std::int64_t{width} * stride * kBlock;
  float* out = to;
  for (int j = 0; j < width; ++j) {
    const Lanes v = simd::load(from + std::int64_t{j} * kBlock) * scale;
    for (int s = 0; s < stride; ++s, out += kBlock) simd::store(out, v);
  }
  for (int s = 1; s < stride; ++s) {
    std::memcpy(to + s * out_row, to, static_cast<std::size_t>(out_row) * sizeof(float));
  }
}

// The same, added to what the rows hold.
void add_enlarged_row(const float* from, int width, float* to, int stride, float scale) {
  for (int s = 0; s < stride; ++s) {
    for (int j = 0; j < width; ++j) {
      const Lanes v = simd::load(from + std::int64_t{j} * kBlock) * scale;
      for (int m = 0; m < stride; ++m, to += kBlock) put(to, v, true);
    }
  }
}

// `stride` rows of x to one row of y.
void reduce_row(const float* from, int out_width, float* to, int stride, float scale, bool accumulate) {
  const std::int64_t row = std::int64_t{out_width} * stride * kBlock;
  for (int j = 0; j < out_width; ++j) {
    const float* tile = from + std::int64_t{j} * stride * kBlock;
    Lanes sum{};
    for (int n = 0; n < stride; ++n) {
      for (int m = 0; m < stride; ++m) sum += simd::load(tile + n * row + std::int64_t{m} * kBlock);
    }
    put(to + std::int64_t{j} * kBlock, sum * scale, accumulate);
  }
}

// stride > 0 enlarges, stride < 0 reduces.
void resample(ConstTensor x, Tensor y, int stride, float scale, bool accumulate) {
  const bool enlarge = stride > 0;
  const int step = enlarge ? stride : -stride, rows = enlarge ? x.h : y.h;
  const std::int64_t x_row = std::int64_t{x.w} * kBlock * (enlarge ? 1 : step);
  const std::int64_t y_row = std::int64_t{y.w} * kBlock * (enlarge ? step : 1);
  parallel_for(std::int64_t{x.n} * x.blocks() * rows, 4, [&](std::int64_t begin, std::int64_t end) {
    // Planes are whole rows without gaps, so the row number alone says where a row lies.
    for (std::int64_t i = begin; i < end; ++i) {
      if (!enlarge) {
        reduce_row(x.data + i * x_row, y.w, y.data + i * y_row, step, scale, accumulate);
      } else if (accumulate) {
        add_enlarged_row(x.data + i * x_row, x.w, y.data + i * y_row, step, scale);
      } else {
        enlarge_row(x.data + i * x_row, x.w, y.data + i * y_row, step, scale);
      }
    }
  });
}

}  // namespace

void upsample_forward(ConstTensor x, Tensor y, int stride, float scale, Stream) {
  resample(x, y, stride, scale, false);
}

void upsample_backward(ConstTensor dy, Tensor dx, int stride, float scale, bool accumulate, Stream) {
  resample(dy, dx, -stride, scale, accumulate);
}

}  // namespace pydarknet
