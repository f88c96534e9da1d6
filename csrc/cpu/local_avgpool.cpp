#include <algorithm>

#include "cpu/lib/accumulate.h"
#include "cpu/lib/windows.h"
#include "ops/pool.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// A window's pixels inside the input.
struct Window {
  Span rows, columns;
  Window(const PoolWindows& w, int i, int j, int height, int width)
      : rows(i, w.size, w.stride_y, w.padding, height), columns(j, w.size, w.stride_x, w.padding, width) {}

  float count() const { return static_cast<float>(std::int64_t{rows.count()} * columns.count()); }

  // Calls body(offset in floats) for each pixel, row by row.
  template <class F>
  void each(int width, F body) const {
    for (int r = rows.begin; r < rows.end; ++r) {
      for (int s = columns.begin; s < columns.end; ++s) body((std::int64_t{r} * width + s) * kBlock);
    }
  }
};

Lanes mean(const float* from, const Window& window, int width) {
  Lanes sum{};
  window.each(width, [&](std::int64_t at) { sum += simd::load(from + at); });
  const float count = window.count();
  return count > 0 ? sum / count : sum;
}

}  // namespace

void local_avgpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream) {
  parallel_for(std::int64_t{y.n} * y.blocks() * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* from = x.data + row / y.h * x.plane();
      float* to = y.data + row * y.w * kBlock;
      for (int j = 0; j < y.w; ++j, to += kBlock) {
        simd::store(to, mean(from, Window(windows, static_cast<int>(row % y.h), j, x.h, x.w), x.w));
      }
    }
  });
}

void local_avgpool_backward(ConstTensor dy, Tensor dx, const PoolWindows& windows, bool accumulate, Stream) {
  parallel_for(std::int64_t{dx.n} * dx.blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const float* from = dy.data + plane * dy.plane();
      float* to = dx.data + plane * dx.plane();
      if (!accumulate) std::fill_n(to, dx.plane(), 0.0f);
      for (int i = 0; i < dy.h; ++i) {
        for (int j = 0; j < dy.w; ++j, from += kBlock) {
          const Window window(windows, i, j, dx.h, dx.w);
          const Lanes share = simd::load(from) / window.count();
          window.each(dx.w, [&](std::int64_t at) { put(to + at, share, true); });
        }
      }
    }
  });
}

}  // namespace pydarknet
