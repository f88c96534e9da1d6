// The transform of F(M x M, 3 x 3) from the products to tiles of y, with bias, activation and what follows
// it.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/winograd_tiles.h"
#include "cpu/conv/winograd_wanted.h"
#include "cpu/lib/activate.h"
#include "ops/conv.h"
#include "shared/activation.h"

namespace pydarknet::winograd {

using simd::Lanes;

// Outputs of an axis up to which a tile is transformed back in registers.
inline constexpr int kUnrolled = 4;

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
    if constexpr (M > kUnrolled) {
      large_tiles(rows, columns, places, block, m, offsets, bias);
    } else {
      static constexpr auto all = every(std::make_integer_sequence<int, M * M>{});
      (this->*all[(rows - 1) * M + columns - 1])(places, block, m, offsets, bias);
    }
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
    for (const TilePlace& at : places) {
      inverse_tile<R, C>(m, offsets, bias, outputs_of(at, block));
      m += kBlock;
    }
  }

  float* outputs_of(const TilePlace& at, int block) const {
    const int shrink = tail_.pool ? 2 : 1;
    return y_.block(at.image, block) + (std::int64_t{at.row / shrink} * y_.w + at.column / shrink) * kBlock;
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
    inverse_rows<R, C>(half, Across::kProducts, bias, y);
  }

  using Half = std::array<Lanes, M * S::kProducts>;  // A^T m, rows kProducts apart

  // As in InputTransform.
  struct LargeAcross {
    int products;
    std::array<int, S::kProducts> product;
    void (OutputTransform::*transform)(const Half& half, int rows, Lanes bias, float* y) const;
  };
  using LargeDown = void (*)(const float* m, const Offsets& offsets, const LargeAcross& across, Half& half);

  template <int C>
  static constexpr LargeAcross large_across() {
    LargeAcross all{Axis<C>::kProducts, {}, &OutputTransform::large_rows<C>};
    for (int j = 0; j < Axis<C>::kProducts; ++j) all.product[j] = Axis<C>::product(j);
    return all;
  }
  template <int... I>
  static constexpr std::array<LargeAcross, M> every_across(std::integer_sequence<int, I...>) {
    return {large_across<I + 1>()...};
  }
  template <int... I>
  static constexpr std::array<LargeDown, M> every_down(std::integer_sequence<int, I...>) {
    return {&OutputTransform::large_columns<I + 1>...};
  }

  void large_tiles(int rows, int columns, const std::vector<TilePlace>& places, int block, const float* m,
                   const Offsets& offsets, Lanes bias) const {
    static constexpr auto downs = every_down(std::make_integer_sequence<int, M>{});
    static constexpr auto acrosses = every_across(std::make_integer_sequence<int, M>{});
    const LargeAcross& across = acrosses[columns - 1];
    for (const TilePlace& at : places) {
      Half half;
      downs[rows - 1](m, offsets, across, half);
      (this->*across.transform)(half, rows, bias, outputs_of(at, block));
      m += kBlock;
    }
  }

  // Columns, and then pairs of rows, through the first-level cache.
  template <int R>
  static void large_columns(const float* m, const Offsets& offsets, const LargeAcross& across, Half& half) {
    using Down = Axis<R>;
    for (int j = 0; j < across.products; ++j) {
      Lanes column[Down::kProducts];
      PYDARKNET_UNROLL
      for (int i = 0; i < Down::kProducts; ++i) {
        column[i] = simd::load(m + offsets[Down::product(i) * S::kProducts + across.product[j]]);
      }
      Down::output(column, 1, half.data() + j, S::kProducts);
    }
  }

  template <int C>
  void large_rows(const Half& half, int rows, Lanes bias, float* y) const {
    const std::ptrdiff_t row = std::ptrdiff_t{y_.w} * kBlock;
    const Lanes* from = half.data();
    for (int i = 0; i + 1 < rows; i += 2, from += 2 * S::kProducts) {
      inverse_rows<2, C>(from, S::kProducts, bias, y);
      y += tail_.pool ? row : 2 * row;
    }
    if (rows % 2 == 1) inverse_rows<1, C>(from, S::kProducts, bias, y);
  }

  template <int kRows, int C>
  PYDARKNET_INLINE void inverse_rows(const Lanes* half, int apart, Lanes bias, float* y) const {
    using Across = Axis<C>;
    Lanes out[kRows * C];
    PYDARKNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      if (far_) ask_for_next<C>(y + i * std::ptrdiff_t{y_.w} * kBlock);
      Across::output(half + i * apart, 1, out + i * C, 1);
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
