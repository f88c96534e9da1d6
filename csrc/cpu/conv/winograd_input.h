// The transform of F(M x M, 3 x 3) from tiles of an image to the planes.
#pragma once
#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/conv/winograd_wanted.h"
#include "cpu/simd/factors.h"
#include "ops/conv.h"

namespace pydarknet::winograd {

using simd::Lanes;

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
    S::kPairs&& f_.paired() ? input_tiles<S::kPairs>(rows, columns, places, block, v, offsets)
                            : input_tiles<false>(rows, columns, places, block, v, offsets);
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
  static constexpr int kSide = Axis<M>::kInputs;
  using Half = std::array<Lanes, S::kPlanes * kSide>;  // B^T d, rows kSide apart

  // A direction of tiles with some outputs. At the edges the two are chosen by themselves: all pairs of them
  // would take long to compile.
  struct Down {
    int inputs, planes;
    std::array<int, S::kPlanes> plane;
    void (*transform)(const float* x, std::int64_t row, int width, Half& half);
  };
  struct Across {
    int inputs;
    void (*transform)(const Half& half, const Down& down, float* v, const Offsets& offsets);
  };

  template <int R>
  static constexpr Down down() {
    Down all{
        Axis<R>::kInputs, Axis<R>::kPlanes, {}, [](const float* x, std::int64_t row, int width, Half& half) {
          columns_of<R, false>(x, row, width, half);
        }};
    for (int i = 0; i < Axis<R>::kPlanes; ++i) all.plane[i] = Axis<R>::plane(i);
    return all;
  }
  template <int C, bool kPairs>
  static constexpr Across across() {
    return {Axis<C>::kInputs, [](const Half& half, const Down& down, float* v, const Offsets& offsets) {
              rows_of<C, kPairs>(half, down, v, offsets);
            }};
  }
  template <int... I>
  static constexpr std::array<Down, M> every_down(std::integer_sequence<int, I...>) {
    return {down<I + 1>()...};
  }
  template <bool kPairs, int... I>
  static constexpr std::array<Across, M> every_across(std::integer_sequence<int, I...>) {
    return {across<I + 1, kPairs>()...};
  }

  template <bool kPairs>
  void input_tiles(int rows, int columns, const std::vector<TilePlace>& places, int block, float* v,
                   const Offsets& offsets) const {
    static constexpr auto downs = every_down(std::make_integer_sequence<int, M>{});
    static constexpr auto acrosses = every_across<kPairs>(std::make_integer_sequence<int, M>{});
    if (rows == M && columns == M) {
      far_ ? whole_tiles<true, kPairs>(places, block, v, offsets)
           : whole_tiles<false, kPairs>(places, block, v, offsets);
      return;
    }
    const Down& down = downs[rows - 1];
    const Across& across = acrosses[columns - 1];
    each_tile(places, block, down.inputs, across.inputs, v,
              [&](auto, const float* x, std::int64_t row, float* to) {
                Half half;
                down.transform(x, row, across.inputs, half);
                across.transform(half, down, to, offsets);
              });
  }

  template <bool kAsks, bool kPairs>
  void whole_tiles(const std::vector<TilePlace>& places, int block, float* v, const Offsets& offsets) const {
    each_tile(places, block, kSide, kSide, v, [&](auto inside, const float* x, std::int64_t row, float* to) {
      Half half;
      columns_of<M, kAsks&& decltype(inside)::value>(x, row, kSide, half);
      rows_of<M, kPairs>(half, down<M>(), to, offsets);
    });
  }

  // Calls forward(whether it lies in the image, first pixel, floats from row to row, planes) for each tile.
  template <class Forward>
  void each_tile(const std::vector<TilePlace>& places, int block, int height, int width, float* v,
                 Forward&& forward) const {
    const int lanes = std::min(kBlock, s_.c - block * kBlock);
    for (const TilePlace& at : places) {
      const int top = at.row * S::kStride - s_.pad_y, left = at.column * S::kStride - s_.pad_x;
      const float* const plane = x_.block(at.image, block);
      if (top >= 0 && left >= 0 && top + height <= s_.h && left + width <= s_.w && lanes == kBlock) {
        forward(std::true_type{}, plane + (std::int64_t{top} * s_.w + left) * kBlock,
                std::int64_t{s_.w} * kBlock, v);
      } else {
        Lanes padded[kSide * kSide];
        const int first = std::max(0, -left), last = std::min(width, s_.w - left);
        for (int i = 0; i < height; ++i) {
          const bool inside = top + i >= 0 && top + i < s_.h;
          const float* const from = plane + ((inside ? std::int64_t{top} + i : 0) * s_.w + left) * kBlock;
          pad_row(from, inside ? first : width, last, lanes, padded + i * width, width);
        }
        forward(std::false_type{}, reinterpret_cast<const float*>(padded), std::int64_t{width} * kBlock, v);
      }
      v += f_.pitch();
    }
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
  template <int R, bool kAsks>
  static PYDARKNET_INLINE void columns_of(const float* x, std::int64_t row, int width, Half& half) {
    constexpr int kStep = M * S::kStride, kShared = kSide - kStep;
    for (int j = 0; j < width; ++j, x += kBlock) {
      Lanes column[Axis<R>::kInputs];
      PYDARKNET_UNROLL
      for (int i = 0; i < Axis<R>::kInputs; ++i) {
        column[i] = simd::load(x + i * row);
        if (kAsks && j >= kShared) simd::prefetch_l2(x + i * row + kStep * kBlock);
      }
      Axis<R>::input(column, 1, half.data() + j, kSide);
    }
  }

  template <int C, bool kPairs>
  static PYDARKNET_INLINE void rows_of(const Half& half, const Down& down, float* v, const Offsets& offsets) {
    for (int i = 0; i < down.planes; ++i) {
      Lanes out[Axis<C>::kPlanes];
      Axis<C>::input(half.data() + i * kSide, 1, out, 1);
      const std::int64_t* const at = offsets.data() + down.plane[i] * S::kPlanes;
      PYDARKNET_UNROLL
      for (int j = 0; j < Axis<C>::kPlanes; ++j) {
        float* const to = v + at[Axis<C>::plane(j)];
        kPairs ? simd::Bf16Pairs::store(to, out[j]) : simd::store(to, out[j]);
      }
    }
  }

  const ConvShape& s_;
  const WeightFormat& f_;
  const ConstTensor x_;
  const bool far_;
};

}  // namespace pydarknet::winograd
