#include "ops/reorg.h"

#include <algorithm>
#include <cstring>

#include "cpu/simd/vec.h"
#include "shared/reorg_rows.h"
#include "shared/threads.h"

namespace pydarknet {

void reorg_forward(ConstPlain x, float* y, int stride, bool reverse, Stream) {
  const int depth = x.c / (stride * stride);
  const std::int64_t large_row = std::int64_t{x.w} * stride, large_plane = large_row * x.h * stride;
  parallel_for(std::int64_t{x.n} * x.c * x.h, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t j = row % x.h, k = row / x.h % x.c, image = row / x.h / x.c;
      const std::int64_t corner = k / depth;
      const std::int64_t small = row * x.w, large = image * x.image() + k % depth * large_plane +
                                                    (j * stride + corner / stride) * large_row +
                                                    corner % stride;
      for (std::int64_t i = 0; i < x.w; ++i) {
        if (reverse) {
          y[large + i * stride] = x.data[small + i];
        } else {
          y[small + i] = x.data[large + i * stride];
        }
      }
    }
  });
}

void reorg_flatten(ConstPlain x, float* y, bool reverse, Stream) {
  // A square of this side, read along one axis and written along the other, stays in the first-level cache.
  constexpr std::int64_t kSide = 32;
  const std::int64_t rows = reverse ? x.plane() : x.c, columns = reverse ? x.c : x.plane();
  const std::int64_t strips = (rows + kSide - 1) / kSide;
  parallel_for(x.n * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t strip = begin; strip < end; ++strip) {
      const float* from = x.data + strip / strips * x.image();
      float* to = y + strip / strips * x.image();
      const std::int64_t top = strip % strips * kSide, bottom = std::min(rows, top + kSide);
      for (std::int64_t left = 0; left < columns; left += kSide) {
        const std::int64_t right = std::min(columns, left + kSide);
        for (std::int64_t r = top; r < bottom; ++r) {
          for (std::int64_t c = left; c < right; ++c) to[c * rows + r] = from[r * columns + c];
        }
      }
    }
  });
}

void reorg_extend(ConstPlain x, float* y, int extra, Stream) {
  for (int image = 0; image < x.n; ++image) {
    float* to = y + image * (x.image() + extra);
    std::memcpy(to, x.data + image * x.image(), static_cast<std::size_t>(x.image()) * sizeof(float));
    std::memset(to + x.image(), 0, static_cast<std::size_t>(extra) * sizeof(float));
  }
}

namespace {

class BlockedReorg {
 public:
  BlockedReorg(ConstTensor x, Tensor y, int channels, int stride)
      : x_(x), y_(y), channels_(channels * stride * stride), stride_(stride), rows_(channels, x.h, stride) {}

  void row(int image, int block, int i) const {
    const float* sources[kBlock];
    for (int lane = 0; lane < kBlock; ++lane) {
      const int c = block * kBlock + lane;
      sources[lane] = c < channels_ ? rows_.in_large(c, i).in(x_, image) : nullptr;
    }
    float* to = y_.block(image, block) + std::int64_t{i} * y_.w * kBlock;
    const std::int64_t step = std::int64_t{stride_} * kBlock;
    for (int j = 0; j < y_.w; ++j, to += kBlock) {
      for (int lane = 0; lane < kBlock; ++lane) to[lane] = sources[lane] ? sources[lane][j * step] : 0.0f;
    }
  }

 private:
  ConstTensor x_;
  Tensor y_;
  int channels_, stride_;
  ReorgRows rows_;
};

}  // namespace

void reorg_blocked(ConstTensor x, Tensor y, int channels, int stride, Stream) {
  const BlockedReorg reorg(x, y, channels, stride);
  parallel_for(std::int64_t{y.n} * y.blocks() * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      reorg.row(static_cast<int>(r / y.h / y.blocks()), static_cast<int>(r / y.h % y.blocks()),
                static_cast<int>(r % y.h));
    }
  });
}

}  // namespace pydarknet
