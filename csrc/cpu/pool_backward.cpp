#include <algorithm>
#include <cfloat>

#include "cpu/lib/accumulate.h"
#include "cpu/lib/windows.h"
#include "ops/pool.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::IntLanes;
using simd::Lanes;

// One channel block of one image.
class MaxPoolPlane {
 public:
  MaxPoolPlane(const float* x, const float* dy, float* dx, std::int64_t row, int size)
      : x_(x), dy_(dy), dx_(dx), row_(row), small_(size <= 3) {}

  void window(Span rows, Span columns, std::int64_t output) const {
    Lanes best = simd::splat(-FLT_MAX);
    IntLanes where = IntLanes{} - 1;
    for (int r = rows.begin; r < rows.end; ++r) {
      for (int s = columns.begin; s < columns.end; ++s) {
        const Lanes v = simd::load(x_ + at(r, s));
        const IntLanes larger = v > best;
        best = larger ? v : best;
        where = larger ? IntLanes{} + number(rows, columns, r, s) : where;
      }
    }
    const Lanes dy = simd::load(dy_ + output * kBlock);
    small_ ? everywhere(rows, columns, where, dy) : one_by_one(rows, columns, where, dy);
  }

 private:
  std::int64_t at(int r, int s) const { return r * row_ + std::int64_t{s} * kBlock; }
  static int number(Span rows, Span columns, int r, int s) {
    return (r - rows.begin) * (columns.end - columns.begin) + s - columns.begin;
  }

  // Adds dy or 0 to every pixel of the window.
  void everywhere(Span rows, Span columns, IntLanes where, Lanes dy) const {
    for (int r = rows.begin; r < rows.end; ++r) {
      for (int s = columns.begin; s < columns.end; ++s) {
        float* to = dx_ + at(r, s);
        simd::store(to, simd::load(to) + (where == number(rows, columns, r, s) ? dy : Lanes{}));
      }
    }
  }

  // Fewer additions for large windows.
  void one_by_one(Span rows, Span columns, IntLanes where, Lanes dy) const {
    const int width = columns.end - columns.begin;
    for (int lane = 0; lane < kBlock; ++lane) {
      if (where[lane] < 0) continue;
      dx_[at(rows.begin + where[lane] / width, columns.begin + where[lane] % width) + lane] += dy[lane];
    }
  }

  const float *x_, *dy_;
  float* dx_;
  std::int64_t row_;
  bool small_;
};

}  // namespace

void maxpool_backward(ConstTensor x, ConstTensor dy, Tensor dx, const PoolWindows& windows, bool accumulate,
                      Stream) {
  const int size = windows.size, padding = windows.padding;
  const std::int64_t row = std::int64_t{x.w} * kBlock;
  parallel_for(std::int64_t{x.n} * x.blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      float* to = dx.data + plane * dx.plane();
      const MaxPoolPlane pool(x.data + plane * x.plane(), dy.data + plane * dy.plane(), to, row, size);
      int cleared = accumulate ? x.h : 0;
      // Rows are cleared when first needed, so that they are still in the cache when they are added to.
      const auto clear_until = [&](int last) {
        if (last > cleared) std::fill(to + cleared * row, to + last * row, 0.0f), cleared = last;
      };
      for (int i = 0; i < dy.h; ++i) {
        const Span rows(i, size, windows.stride_y, padding, x.h);
        clear_until(rows.end);
        for (int j = 0; j < dy.w; ++j) {
          pool.window(rows, Span(j, size, windows.stride_x, padding, x.w), std::int64_t{i} * dy.w + j);
        }
      }
      clear_until(x.h);
    }
  });
}

void avgpool_backward(ConstTensor dy, Tensor dx, bool accumulate, Stream) {
  const float pixels = static_cast<float>(dx.h) * static_cast<float>(dx.w);
  const std::int64_t row = std::int64_t{dx.w} * kBlock;
  parallel_for(std::int64_t{dx.n} * dx.blocks() * dx.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Lanes share = simd::load(dy.data + i / dx.h * kBlock) / pixels;
      for (std::int64_t at = i * row; at < (i + 1) * row; at += kBlock) put(dx.data + at, share, accumulate);
    }
  });
}

}  // namespace pydarknet
