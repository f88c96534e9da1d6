// The transforms of F(M x M, 3 x 3) for tiles of an image: from x to the points, and from the points to y
// with bias, activation and what follows it.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/lib/activate.h"
#include "cpu/simd/factors.h"
#include "ops/conv.h"
#include "shared/activation.h"

namespace pydarknet::winograd {

using simd::Lanes;

// In floats, of a tile's points.
template <int M>
using Offsets = std::array<std::int64_t, Tiles<M>::kPoints>;

template <int M>
class InputTransform {
  static constexpr int kTile = Winograd<M>::kTile;

 public:
  InputTransform(const ConvShape& s, const WeightFormat& format, const float* x)
      : s_(s), f_(format), x_{x, s.n, blocks_of(s.c) * kBlock, s.h, s.w} {}

  // v = B^T d B of one channel block of tiles with rows x columns outputs.
  void run(int rows, int columns, const std::vector<TilePlace>& places, int block, float* v,
           const Offsets<M>& offsets) const {
    static constexpr auto all = every(std::make_integer_sequence<int, M * M>{});
    (this->*all[(rows - 1) * M + columns - 1])(places, block, v, offsets);
  }

 private:
  using TilesOf = void (InputTransform::*)(const std::vector<TilePlace>&, int, float*,
                                           const Offsets<M>&) const;

  template <int... I>
  static constexpr std::array<TilesOf, M * M> every(std::integer_sequence<int, I...>) {
    return {&InputTransform::input_tiles<I / M + 1, I % M + 1>...};
  }

  template <int R, int S>
  void input_tiles(const std::vector<TilePlace>& places, int block, float* v,
                   const Offsets<M>& offsets) const {
    const int lanes = std::min(kBlock, s_.c - block * kBlock);
    for (const TilePlace& at : places) {
      input_tile<R, S>(at, block, lanes, v, offsets);
      v += f_.pitch();
    }
  }

  template <int R, int S>
  void input_tile(const TilePlace& at, int block, int lanes, float* v, const Offsets<M>& offsets) const {
    constexpr int kHeight = R + 2, kWidth = S + 2;
    const int top = at.row - s_.pad_y, left = at.column - s_.pad_x;
    const float* plane = x_.block(at.image, block);
    if (top >= 0 && left >= 0 && top + kHeight <= s_.h && left + kWidth <= s_.w && lanes == kBlock) {
      forward_tile<R, S>(plane + (std::int64_t{top} * s_.w + left) * kBlock, std::int64_t{s_.w} * kBlock, v,
                         offsets);
      return;
    }
    Lanes padded[kHeight * kWidth] = {};
    const int right = std::min(kWidth, s_.w - left);
    for (int i = std::max(0, -top); i < std::min(kHeight, s_.h - top); ++i) {
      const float* from = plane + (std::int64_t{top} + i) * s_.w * kBlock;
      for (int j = std::max(0, -left); j < right; ++j) {
        padded[i * kWidth + j] = simd::first_lanes(simd::load(from + (left + j) * kBlock), lanes);
      }
    }
    forward_tile<R, S>(reinterpret_cast<const float*>(padded), kWidth * kBlock, v, offsets);
  }

  template <int R, int S>
  void forward_tile(const float* x, std::int64_t row, float* v, const Offsets<M>& offsets) const {
    using Down = TileAxis<M, R>;
    using Across = TileAxis<M, S>;
    Lanes half[Down::kTile * Across::kTile];  // B^T d
    PYDARKNET_UNROLL
    for (int j = 0; j < Across::kTile; ++j) {
      Lanes column[Down::kTile];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kTile; ++i) column[i] = simd::load(x + i * row + j * kBlock);
      Down::input(column, 1, half + j, Across::kTile);
    }
    PYDARKNET_UNROLL
    for (int i = 0; i < Down::kTile; ++i) {
      Lanes out[Across::kTile];
      Across::input(half + i * Across::kTile, 1, out, 1);
      PYDARKNET_UNROLL
      for (int j = 0; j < Across::kTile; ++j) {
        float* const to = v + offsets[Down::point(i) * kTile + Across::point(j)];
        f_.paired() ? simd::Bf16Pairs::store(to, out[j]) : simd::store(to, out[j]);
      }
    }
  }

  const ConvShape& s_;
  const WeightFormat& f_;
  const ConstTensor x_;
};

template <int M>
class OutputTransform {
  static constexpr int kTile = Winograd<M>::kTile;

 public:
  OutputTransform(const ConvCall& call, Tensor y)
      : y_(y),
        tail_(call.tail),
        slope_(rectifier_slope(call.activation)),
        finish_(activation_after(call.activation)) {}

  // y = act(A^T m A + bias) of one block of filters of tiles with rows x columns outputs.
  void run(int rows, int columns, const std::vector<TilePlace>& places, int block, const float* m,
           const Offsets<M>& offsets, Lanes bias) const {
    static constexpr auto all = every(std::make_integer_sequence<int, M * M>{});
    (this->*all[(rows - 1) * M + columns - 1])(places, block, m, offsets, bias);
  }

 private:
  using TilesOf = void (OutputTransform::*)(const std::vector<TilePlace>&, int, const float*,
                                            const Offsets<M>&, Lanes) const;

  template <int... I>
  static constexpr std::array<TilesOf, M * M> every(std::integer_sequence<int, I...>) {
    return {&OutputTransform::output_tiles<I / M + 1, I % M + 1>...};
  }

  template <int R, int S>
  void output_tiles(const std::vector<TilePlace>& places, int block, const float* m,
                    const Offsets<M>& offsets, Lanes bias) const {
    const int shrink = tail_.pool ? 2 : 1;
    for (const TilePlace& at : places) {
      float* y =
          y_.block(at.image, block) + (std::int64_t{at.row / shrink} * y_.w + at.column / shrink) * kBlock;
      inverse_tile<R, S>(m, offsets, bias, y);
      m += kBlock;
    }
  }

  template <int R, int S>
  void inverse_tile(const float* m, const Offsets<M>& offsets, Lanes bias, float* y) const {
    using Down = TileAxis<M, R>;
    using Across = TileAxis<M, S>;
    Lanes half[R * Across::kTile];  // A^T m
    PYDARKNET_UNROLL
    for (int j = 0; j < Across::kTile; ++j) {
      Lanes column[Down::kTile];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kTile; ++i) {
        column[i] = simd::load(m + offsets[Down::point(i) * kTile + Across::point(j)]);
      }
      Down::output(column, 1, half + j, Across::kTile);
    }
    Lanes out[R * S];
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) {
      Across::output(half + i * Across::kTile, 1, out + i * S, 1);
      PYDARKNET_UNROLL
      for (int j = 0; j < S; ++j) out[i * S + j] = simd::rectify(out[i * S + j] + bias, slope_);
    }
    if (finish_) {
      finish_tile<R, S>(out, y);
    } else {
      store_what_follows<R, S>(out, y);
    }
  }

  // Only a copy has an address, so that `out` may stay in registers elsewhere.
  template <int R, int S>
  void finish_tile(const Lanes* out, float* y) const {
    Lanes activated[R * S];
    PYDARKNET_UNROLL
    for (int i = 0; i < R * S; ++i) activated[i] = out[i];
    finish_(reinterpret_cast<float*>(activated), R * S * kBlock);
    store_what_follows<R, S>(activated, y);
  }

  template <int R, int S>
  void store_what_follows(const Lanes* out, float* y) const {
    if (tail_.pool) {
      store_maxima<R, S>(out, y);
    } else {
      store_tile<R, S>(out, y);
    }
  }

  template <int R, int S>
  void store_tile(const Lanes* out, float* y) const {
    const std::ptrdiff_t row = std::ptrdiff_t{y_.w} * kBlock;
    const float* add = tail_.add ? tail_.add + (y - y_.data) : nullptr;
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) {
      PYDARKNET_UNROLL
      for (int j = 0; j < S; ++j) {
        const std::ptrdiff_t at = i * row + j * kBlock;
        simd::store(y + at, add ? out[i * S + j] + simd::load(add + at) : out[i * S + j]);
      }
    }
  }

  template <int R, int S>
  void store_maxima(const Lanes* out, float* y) const {
    PYDARKNET_UNROLL
    for (int i = 0; i + 1 < R; i += 2, y += std::int64_t{y_.w} * kBlock) {
      PYDARKNET_UNROLL
      for (int j = 0; j + 1 < S; j += 2) {
        const Lanes* at = out + i * S + j;
        simd::store(y + j / 2 * kBlock, simd::largest_of(at[0], at[1], at[S], at[S + 1]));
      }
    }
  }

  const Tensor y_;
  const ConvTail tail_;
  const float slope_;
  const ActivateFloats finish_;
};

}  // namespace pydarknet::winograd
