// The transforms of F(M x M, 3 x 3) for tiles of an image: from x to the planes, and from the products to y
// with bias, activation and what follows it.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/conv/winograd_wanted.h"
#include "cpu/lib/activate.h"
#include "cpu/simd/factors.h"
#include "ops/conv.h"
#include "shared/activation.h"

namespace pydarknet::winograd {

using simd::Lanes;

// Outputs of an axis up to which a tile is transformed back in registers.
inline constexpr int kUnrolled = 4;

template <class S>
class InputTransform {
  static constexpr int M = S::kOutputs;
  using Offsets = std::array<std::int64_t, Tiles<S>::kPlanes>;  // in floats, of a tile's planes

 public:
  InputTransform(const ConvShape& s, const WeightFormat& format, const float* x)
      : s_(s), f_(format), x_{x, s.n, blocks_of(s.c) * kBlock, s.h, s.w}, far_(x_.size() > kFarFloats) {}

  // v = B^T d B of one channel block of tiles with rows x columns outputs.
  void run(int rows, int columns, const std::vector<TilePlace>& places, int block, float* v,
           const Offsets& offsets) const {
    static constexpr auto all = every(std::make_integer_sequence<int, M * M>{});
    (this->*all[(rows - 1) * M + columns - 1])(places, block, v, offsets);
  }

  // What tiles [first, last) read from afar, but for the rows that those above them have read.
  void want(const TileGrid<S>& tiles, int first, int last, Wanted& wanted) const {
    if (!far_) return;
    constexpr int kStep = M * S::kStride, kInputs = Axis<M>::kInputs;
    tiles.each_row(first, last, [&](int image, int row, int begin, int end) {
      const int above = row * kStep - s_.pad_y, left = std::max(0, begin * kStep - s_.pad_x);
      const int right = std::min(s_.w, (end - 1) * kStep - s_.pad_x + kInputs);
      const int top = row == 0 ? 0 : std::max(0, above + kInputs - kStep);
      const int bottom = std::min(s_.h, above + kInputs);
      for (int block = 0; block < x_.blocks(); ++block) {
        for (int y = top; y < bottom && left < right; ++y) {
          wanted.add(x_.block(image, block) + (std::int64_t{y} * s_.w + left) * kBlock,
                     std::int64_t{right - left} * kBlock);
        }
      }
    });
  }

 private:
  template <int R>
  using Axis = typename S::template Axis<R>;
  using TilesOf = void (InputTransform::*)(const std::vector<TilePlace>&, int, float*, const Offsets&) const;

  template <int... I>
  static constexpr std::array<TilesOf, M * M> every(std::integer_sequence<int, I...>) {
    return {&InputTransform::input_tiles<I / M + 1, I % M + 1>...};
  }

  template <int R, int C>
  void input_tiles(const std::vector<TilePlace>& places, int block, float* v, const Offsets& offsets) const {
    S::kPairs&& f_.paired() ? input_tiles_near_or_far<R, C, S::kPairs>(places, block, v, offsets)
                            : input_tiles_near_or_far<R, C, false>(places, block, v, offsets);
  }

  template <int R, int C, bool kPairs>
  void input_tiles_near_or_far(const std::vector<TilePlace>& places, int block, float* v,
                               const Offsets& offsets) const {
    constexpr bool kWhole = R == M && C == M;
    kWhole&& far_ ? input_tiles_of<R, C, kWhole, kPairs>(places, block, v, offsets)
                  : input_tiles_of<R, C, false, kPairs>(places, block, v, offsets);
  }

  template <int R, int C, bool kAsks, bool kPairs>
  void input_tiles_of(const std::vector<TilePlace>& places, int block, float* v,
                      const Offsets& offsets) const {
    const int lanes = std::min(kBlock, s_.c - block * kBlock);
    for (const TilePlace& at : places) {
      input_tile<R, C, kAsks, kPairs>(at, block, lanes, v, offsets);
      v += f_.pitch();
    }
  }

  template <int R, int C, bool kAsks, bool kPairs>
  void input_tile(const TilePlace& at, int block, int lanes, float* v, const Offsets& offsets) const {
    constexpr int kHeight = Axis<R>::kInputs, kWidth = Axis<C>::kInputs;
    const int top = at.row * S::kStride - s_.pad_y, left = at.column * S::kStride - s_.pad_x;
    const float* plane = x_.block(at.image, block);
    if (top >= 0 && left >= 0 && top + kHeight <= s_.h && left + kWidth <= s_.w && lanes == kBlock) {
      forward_tile<R, C, kAsks, kPairs>(plane + (std::int64_t{top} * s_.w + left) * kBlock,
                                        std::int64_t{s_.w} * kBlock, v, offsets);
      return;
    }
    Lanes padded[kHeight * kWidth];
    const int first = std::max(0, -left), last = std::min(kWidth, s_.w - left);
    for (int i = 0; i < kHeight; ++i) {
      const bool inside = top + i >= 0 && top + i < s_.h;
      const float* const from = plane + ((inside ? std::int64_t{top} + i : 0) * s_.w + left) * kBlock;
      pad_row(from, inside ? first : kWidth, last, lanes, padded + i * kWidth, kWidth);
    }
    forward_tile<R, C, false, kPairs>(reinterpret_cast<const float*>(padded), kWidth * kBlock, v, offsets);
  }

  // Pixels [first, last) of a row, zeros around them.
  static void pad_row(const float* from, int first, int last, int lanes, Lanes* to, int width) {
    int j = 0;
    for (; j < first; ++j) to[j] = Lanes{};
    for (; j < last; ++j) {
      const Lanes pixel = simd::load(from + j * kBlock);
      to[j] = lanes == kBlock ? pixel : simd::first_lanes(pixel, lanes);
    }
    for (; j < width; ++j) to[j] = Lanes{};
  }

  // Columns, and then rows, through the first-level cache. Asks meanwhile for what the tile to the right
  // doesn't share with this one.
  template <int R, int C, bool kAsks, bool kPairs>
  void forward_tile(const float* x, std::int64_t row, float* v, const Offsets& offsets) const {
    using Down = Axis<R>;
    using Across = Axis<C>;
    constexpr int kStep = C * S::kStride, kShared = Across::kInputs - kStep;
    Lanes half[Down::kPlanes * Across::kInputs];  // B^T d
    for (int j = 0; j < Across::kInputs; ++j, x += kBlock) {
      Lanes column[Down::kInputs];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kInputs; ++i) {
        column[i] = simd::load(x + i * row);
        if (kAsks && j >= kShared) simd::prefetch_l2(x + i * row + kStep * kBlock);
      }
      Down::input(column, 1, half + j, Across::kInputs);
    }
    for (int i = 0; i < Down::kPlanes; ++i) {
      Lanes out[Across::kPlanes];
      Across::input(half + i * Across::kInputs, 1, out, 1);
      const std::int64_t* const at = offsets.data() + Down::plane(i) * S::kPlanes;
      PYDARKNET_UNROLL
      for (int j = 0; j < Across::kPlanes; ++j) {
        float* const to = v + at[Across::plane(j)];
        kPairs ? simd::Bf16Pairs::store(to, out[j]) : simd::store(to, out[j]);
      }
    }
  }

  const ConvShape& s_;
  const WeightFormat& f_;
  const ConstTensor x_;
  const bool far_;
};

template <class S>
class OutputTransform {
  static constexpr int M = S::kOutputs;
  using Offsets = std::array<std::int64_t, Tiles<S>::kProducts>;  // in floats, of a tile's products

 public:
  OutputTransform(const ConvCall& call, Tensor y)
      : y_(y),
        tail_(call.tail),
        slope_(rectifier_slope(call.activation)),
        finish_(activation_after(call.activation, call.shape.precision)),
        far_(y.size() > kFarFloats) {}

  // y = act(A^T m A + bias) of one block of filters of tiles with rows x columns outputs.
  void run(int rows, int columns, const std::vector<TilePlace>& places, int block, const float* m,
           const Offsets& offsets, Lanes bias) const {
    static constexpr auto all = every(std::make_integer_sequence<int, M * M>{});
    (this->*all[(rows - 1) * M + columns - 1])(places, block, m, offsets, bias);
  }

  // Where outputs of tiles [first, last) lie in a block of filters, far away, and what is added to them.
  void want(const TileGrid<S>& tiles, int first, int last, int block, Wanted& wanted) const {
    if (!far_) return;
    const int size = tail_.pool ? M / 2 : M;
    tiles.each_row(first, last, [&](int image, int row, int begin, int end) {
      const std::int64_t floats = std::int64_t{std::min(y_.w, end * size) - begin * size} * kBlock;
      for (int y = row * size; y < std::min(y_.h, (row + 1) * size); ++y) {
        const float* const to = y_.block(image, block) + (std::int64_t{y} * y_.w + begin * size) * kBlock;
        wanted.add(to, floats);
        if (tail_.add) wanted.add(tail_.add + (to - y_.data), floats);
      }
    });
  }

 private:
  template <int R>
  using Axis = typename S::template Axis<R>;
  using TilesOf = void (OutputTransform::*)(const std::vector<TilePlace>&, int, const float*, const Offsets&,
                                            Lanes) const;

  template <int... I>
  static constexpr std::array<TilesOf, M * M> every(std::integer_sequence<int, I...>) {
    return {&OutputTransform::output_tiles<I / M + 1, I % M + 1>...};
  }

  template <int R, int C>
  void output_tiles(const std::vector<TilePlace>& places, int block, const float* m, const Offsets& offsets,
                    Lanes bias) const {
    const int shrink = tail_.pool ? 2 : 1;
    for (const TilePlace& at : places) {
      float* y =
          y_.block(at.image, block) + (std::int64_t{at.row / shrink} * y_.w + at.column / shrink) * kBlock;
      if constexpr (M > kUnrolled) {
        inverse_large<R, C>(m, offsets, bias, y);
      } else {
        inverse_tile<R, C>(m, offsets, bias, y);
      }
      m += kBlock;
    }
  }

  template <int R, int C>
  void inverse_tile(const float* m, const Offsets& offsets, Lanes bias, float* y) const {
    using Down = Axis<R>;
    using Across = Axis<C>;
    Lanes half[R * Across::kProducts];  // A^T m
    PYDARKNET_UNROLL
    for (int j = 0; j < Across::kProducts; ++j) {
      Lanes column[Down::kProducts];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kProducts; ++i) {
        column[i] = simd::load(m + offsets[Down::product(i) * S::kProducts + Across::product(j)]);
      }
      Down::output(column, 1, half + j, Across::kProducts);
    }
    inverse_rows<R, C>(half, bias, y);
  }

  // Columns, and then pairs of rows, through the first-level cache.
  template <int R, int C>
  void inverse_large(const float* m, const Offsets& offsets, Lanes bias, float* y) const {
    using Down = Axis<R>;
    using Across = Axis<C>;
    const std::ptrdiff_t row = std::ptrdiff_t{y_.w} * kBlock;
    Lanes half[R * Across::kProducts];  // A^T m
    for (int j = 0; j < Across::kProducts; ++j) {
      Lanes column[Down::kProducts];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kProducts; ++i) {
        column[i] = simd::load(m + offsets[Down::product(i) * S::kProducts + Across::product(j)]);
      }
      Down::output(column, 1, half + j, Across::kProducts);
    }
    const Lanes* from = half;
    for (int i = 0; i + 1 < R; i += 2, from += 2 * Across::kProducts) {
      inverse_rows<2, C>(from, bias, y);
      y += tail_.pool ? row : 2 * row;
    }
    if constexpr (R % 2 == 1) inverse_rows<1, C>(from, bias, y);
  }

  template <int kRows, int C>
  PYDARKNET_INLINE void inverse_rows(const Lanes* half, Lanes bias, float* y) const {
    using Across = Axis<C>;
    Lanes out[kRows * C];
    PYDARKNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      if (far_) ask_for_next<C>(y + i * std::ptrdiff_t{y_.w} * kBlock);
      Across::output(half + i * Across::kProducts, 1, out + i * C, 1);
      PYDARKNET_UNROLL
      for (int j = 0; j < C; ++j) out[i * C + j] = simd::rectify(out[i * C + j] + bias, slope_);
    }
    finish_ ? finish_tile<kRows, C>(out, y) : store_what_follows<kRows, C>(out, y);
  }

  // A row of the tile to the right.
  template <int C>
  static void ask_for_next(const float* y) {
    PYDARKNET_UNROLL
    for (int j = C; j < 2 * C; ++j) simd::prefetch_to_write(y + j * kBlock);
  }

  // Only a copy has an address, so that `out` may stay in registers elsewhere.
  template <int R, int C>
  void finish_tile(const Lanes* out, float* y) const {
    Lanes activated[R * C];
    PYDARKNET_UNROLL
    for (int i = 0; i < R * C; ++i) activated[i] = out[i];
    finish_(reinterpret_cast<float*>(activated), R * C * kBlock);
    store_what_follows<R, C>(activated, y);
  }

  template <int R, int C>
  void store_what_follows(const Lanes* out, float* y) const {
    if (tail_.pool) {
      store_maxima<R, C>(out, y);
    } else {
      store_tile<R, C>(out, y);
    }
  }

  template <int R, int C>
  void store_tile(const Lanes* out, float* y) const {
    const std::ptrdiff_t row = std::ptrdiff_t{y_.w} * kBlock;
    const float* add = tail_.add ? tail_.add + (y - y_.data) : nullptr;
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) {
      PYDARKNET_UNROLL
      for (int j = 0; j < C; ++j) {
        const std::ptrdiff_t at = i * row + j * kBlock;
        simd::store(y + at, add ? out[i * C + j] + simd::load(add + at) : out[i * C + j]);
      }
    }
  }

  template <int R, int C>
  void store_maxima(const Lanes* out, float* y) const {
    PYDARKNET_UNROLL
    for (int i = 0; i + 1 < R; i += 2, y += std::int64_t{y_.w} * kBlock) {
      PYDARKNET_UNROLL
      for (int j = 0; j + 1 < C; j += 2) {
        const Lanes* at = out + i * C + j;
        simd::store(y + j / 2 * kBlock, simd::largest_of(at[0], at[1], at[C], at[C + 1]));
      }
    }
  }

  const Tensor y_;
  const ConvTail tail_;
  const float slope_;
  const ActivateFloats finish_;
  const bool far_;
};

}  // namespace pydarknet::winograd
