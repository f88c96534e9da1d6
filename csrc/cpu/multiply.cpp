#include "ops/multiply.h"

#include <algorithm>

#include "cpu/lib/accumulate.h"
#include "cpu/lib/flat.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Sums over a row of pixels, lane by lane.
Lanes dot_row(const float* a, const float* b, int pixels) {
  Lanes sum{};
  for (int j = 0; j < pixels; ++j) sum += simd::load(a + j * kBlock) * simd::load(b + j * kBlock);
  return sum;
}

// One for each channel: the sum over its pixels, row by row.
void channel_gradient(ConstTensor x, ConstTensor dy, Tensor dfactor, bool accumulate) {
  const std::int64_t row = std::int64_t{x.w} * kBlock;
  parallel_for(std::int64_t{x.n} * x.blocks(), 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      Lanes total{};
      for (int i = 0; i < x.h; ++i) {
        const std::int64_t at = plane * x.plane() + i * row;
        total += dot_row(x.data + at, dy.data + at, x.w);
      }
      put(dfactor.data + plane * kBlock, total, accumulate);
    }
  });
}

// One for each pixel: the sum over its channels, block by block.
void pixel_gradient(ConstTensor x, ConstTensor dy, Tensor dfactor, int channels, bool accumulate) {
  const std::int64_t pixels = std::int64_t{x.h} * x.w;
  parallel_for(x.n * pixels, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i / pixels * x.image() + i % pixels * kBlock;
      Lanes sum{};
      for (int block = 0; block * kBlock < channels; ++block) {
        const std::int64_t at = first + block * x.plane();
        const Lanes product = simd::load(x.data + at) * simd::load(dy.data + at);
        sum += simd::first_lanes(product, std::min(channels - block * kBlock, kBlock));
      }
      Lanes total{};
      for (int lane = 0; lane < kBlock; ++lane) total[0] += sum[lane];
      put(dfactor.data + i * kBlock, total, accumulate);
    }
  });
}

}  // namespace

void multiply_forward(ConstTensor x, ConstTensor factor, Tensor y, FactorOf of, Stream) {
  if (of == FactorOf::kNumber) {
    for_flat(x.size(), [&](auto at) { at.store(y.data, at.load(x.data) * at.load(factor.data)); });
    return;
  }
  const std::int64_t row = std::int64_t{x.w} * kBlock;
  parallel_for(std::int64_t{x.n} * x.blocks() * x.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t plane = r / x.h, image = plane / x.blocks();
      const bool channel = of == FactorOf::kChannel;
      const float* by = factor.data + (channel ? plane * kBlock : (image * x.h + r % x.h) * row);
      for (std::int64_t at = 0; at < row; at += kBlock) {
        const Lanes v = channel ? simd::load(by) : simd::splat(by[at]);
        simd::store(y.data + r * row + at, simd::load(x.data + r * row + at) * v);
      }
    }
  });
}

void multiply_backward(ConstTensor x, ConstTensor dy, Tensor dfactor, int channels, FactorOf of,
                       bool accumulate, Stream) {
  if (of == FactorOf::kChannel) return channel_gradient(x, dy, dfactor, accumulate);
  if (of == FactorOf::kPixel) return pixel_gradient(x, dy, dfactor, channels, accumulate);
  for_flat(x.size(), [&](auto at) {
    const Lanes v = at.load(x.data) * at.load(dy.data);
    at.store(dfactor.data, accumulate ? at.load(dfactor.data) + v : v);
  });
}

}  // namespace pydarknet
