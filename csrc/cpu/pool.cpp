#include "ops/pool.h"

#include <algorithm>
#include <cfloat>
#include <vector>

#include "cpu/lib/windows.h"
#include "cpu/simd/vec.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;
using simd::larger;

// The maximum of `count` pixels, `step` floats apart.
Lanes largest(Lanes best, const float* from, int count, std::int64_t step) {
  for (int i = 0; i < count; ++i) best = larger(best, simd::load(from + i * step));
  return best;
}

// Windows whole inside the input, of a size known to the compiler.
template <int kSize>
void whole_windows(const float* from, std::int64_t row, float* to, int count, int stride) {
  for (int j = 0; j < count; ++j, from += std::int64_t{stride} * kBlock, to += kBlock) {
    Lanes best = simd::splat(-FLT_MAX);
    for (int n = 0; n < kSize; ++n) {
      for (int m = 0; m < kSize; ++m) best = larger(best, simd::load(from + n * row + m * kBlock));
    }
    simd::store(to, best);
  }
}

class MaxPool {
 public:
  MaxPool(ConstTensor x, Tensor y, const PoolWindows& windows)
      : x_(x), y_(y), windows_(windows), size_(windows.size), row_(std::int64_t{x.w} * kBlock) {}

  void run() const {
    const std::int64_t planes = std::int64_t{y_.n} * y_.blocks();
    if (size_ <= 3) {
      // Row by row through all planes: threads get the part of the image that they have from the
      // convolution.
      parallel_for(planes * y_.h, 4, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) direct_row(i % planes, static_cast<int>(i / planes));
      });
      return;
    }
    const int most = static_cast<int>(std::min<std::int64_t>(planes, num_threads()));
    const std::int64_t column = std::int64_t{x_.h} * kBlock;
    std::vector<float> scratch(static_cast<std::size_t>(most * column));
    Tasks tasks(planes, most);
    parallel_parts(most, [&](int part, int) {
      for (std::int64_t i; (i = tasks.take(part)) >= 0;) {
        for (int j = 0; j < y_.w; ++j) separable_column(i, j, scratch.data() + part * column);
      }
    });
  }

 private:
  Span rows_of(int i) const { return {i, size_, windows_.stride_y, windows_.padding, x_.h}; }
  Span columns_of(int j) const { return {j, size_, windows_.stride_x, windows_.padding, x_.w}; }

  void direct_row(std::int64_t plane, int i) const {
    const Span rows = rows_of(i);
    const float* from = x_.data + plane * x_.plane() + rows.begin * row_;
    float* to = y_.data + plane * y_.plane() + std::int64_t{i} * y_.w * kBlock;
    for (int j = 0; j < y_.w; ++j) {
      const Span columns = columns_of(j);
      const int inside = whole_from(rows, columns, j);
      if (inside > 0) {
        const float* corner = from + std::int64_t{columns.begin} * kBlock;
        if (size_ == 2) {
          whole_windows<2>(corner, row_, to + std::int64_t{j} * kBlock, inside, windows_.stride_x);
        } else {
          whole_windows<3>(corner, row_, to + std::int64_t{j} * kBlock, inside, windows_.stride_x);
        }
        j += inside - 1;
        continue;
      }
      Lanes best = simd::splat(-FLT_MAX);
      for (int n = 0; n < rows.end - rows.begin; ++n) {
        best = largest(best, from + n * row_ + std::int64_t{columns.begin} * kBlock,
                       columns.end - columns.begin, kBlock);
      }
      simd::store(to + std::int64_t{j} * kBlock, best);
    }
  }

  // How many windows from column j on lie whole inside the input; 0 for sizes without a kernel of their own.
  int whole_from(Span rows, Span columns, int j) const {
    if (size_ < 2 || rows.end - rows.begin != size_ || columns.end - columns.begin != size_) return 0;
    return std::min(y_.w - j, (x_.w - size_ - columns.begin) / windows_.stride_x + 1);
  }

  // The maximum of a window is the maximum of its rows' maxima: 2 * size comparisons instead of size^2.
  void separable_column(std::int64_t plane, int j, float* maxima) const {
    const Span columns = columns_of(j);
    const float* from = x_.data + plane * x_.plane() + std::int64_t{columns.begin} * kBlock;
    for (int i = 0; i < x_.h; ++i) {
      simd::store(maxima + std::int64_t{i} * kBlock,
                  largest(simd::splat(-FLT_MAX), from + i * row_, columns.end - columns.begin, kBlock));
    }
    float* to = y_.data + plane * y_.plane() + std::int64_t{j} * kBlock;
    for (int i = 0; i < y_.h; ++i) {
      const Span rows = rows_of(i);
      simd::store(to + std::int64_t{i} * y_.w * kBlock,
                  largest(simd::splat(-FLT_MAX), maxima + std::int64_t{rows.begin} * kBlock,
                          rows.end - rows.begin, kBlock));
    }
  }

  ConstTensor x_;
  Tensor y_;
  PoolWindows windows_;
  int size_;
  std::int64_t row_;
};

Lanes sum(const float* from, std::int64_t pixels) {
  // Four chains, as one would wait for each addition.
  Lanes parts[4] = {};
  std::int64_t p = 0;
  for (; p + 4 <= pixels; p += 4) {
    for (int i = 0; i < 4; ++i) parts[i] += simd::load(from + (p + i) * kBlock);
  }
  for (; p < pixels; ++p) parts[0] += simd::load(from + p * kBlock);
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

}  // namespace

void maxpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream) {
  MaxPool(x, y, windows).run();
}

void avgpool_forward(ConstTensor x, Tensor y, Stream) {
  const float pixels = static_cast<float>(x.h) * static_cast<float>(x.w);
  parallel_for(std::int64_t{y.n} * y.blocks(), 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      // Row by row, so that the rounding error grows with the side and not with the area.
      Lanes total{};
      for (int row = 0; row < x.h; ++row) {
        total += sum(x.data + i * x.plane() + std::int64_t{row} * x.w * kBlock, x.w);
      }
      simd::store(y.data + i * kBlock, pixels > 0 ? total / pixels : total);
    }
  });
}

}  // namespace pydarknet
