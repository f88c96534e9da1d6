// The one micro-kernel of convolution: pixels times weights, summed over a list of segments.
//
//   y[j][r] = act(start[j][r] + sum over segments s, c < s.length:  x[s.offset + r * kPitch + c] * w[s,
//   c][j])
//
// r counts pixels, j blocks of filters, c channels (or, on plain images, taps along a row). Accumulators
// live in registers; a pixel's value is broadcast, a block of filters' weights is one load.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

// `length` consecutive floats at `offset` from the first pixel's base, for each of the pixels.
struct Segment {
  std::ptrdiff_t offset;
  int length;
};

// Blocks of filters, and pixels, that one call computes at most: their product plus the operands fill the
// register file.
inline constexpr int kPanelBlocks = 2;
inline constexpr int kRows = (kRegisters - 4) / kPanelBlocks;

// Where floats lie that are wanted soon, and how many of them are asked for at each step of a product. Not
// null: an address without a page costs more than it saves.
struct Ahead {
  const float* from;
  std::ptrdiff_t step;
};

// `count` floats asked for in `steps` steps.
inline Ahead ahead(const float* from, std::int64_t count, std::int64_t steps) {
  return {from, static_cast<std::ptrdiff_t>((count + steps - 1) / steps)};
}

struct Product {
  const float* x;              // first pixel
  const Segment* segments;     //
  int count;                   // of segments
  const float* weights;        // [segment][c][j * kBlock], consecutive
  const float* bias;           // j * kBlock floats the sums start from; nullptr starts from 0
  float* y;                    // first pixel of the first block of filters
  std::ptrdiff_t y_block;      // floats from one block of filters to the next
  std::ptrdiff_t y_pixel;      // floats from one pixel to the next
  float slope;                 // of the rectifier at the end; 1 keeps the sums
  bool accumulate;             // starts from y instead of bias
  std::array<Ahead, 2> ahead;  // into the second-level cache, while the products go on
};

template <int R, int J, int kPitch>
void product(Product& p) {
  Lanes sum[R][J];
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    const Lanes start = p.bias ? load(p.bias + j * kBlock) : Lanes{};
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) sum[r][j] = p.accumulate ? load(p.y + j * p.y_block + r * p.y_pixel) : start;
  }
  const float* w = p.weights;
  Ahead first = p.ahead[0], second = p.ahead[1];
  for (int s = 0; s < p.count; ++s) {
    const float* x = p.x + p.segments[s].offset;
    for (const float* end = x + p.segments[s].length; x != end; ++x, w += J * kBlock) {
      prefetch_l2(first.from);
      prefetch_l2(second.from);
      first.from += first.step;
      second.from += second.step;
      Lanes filters[J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) filters[j] = load(w + j * kBlock);
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Lanes pixel = splat(x[r * kPitch]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) sum[r][j] += pixel * filters[j];
      }
    }
  }
  p.ahead = {first, second};
  const float slope = p.slope;
  float* const y = p.y;
  const std::ptrdiff_t y_block = p.y_block, y_pixel = p.y_pixel;
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) store(y + j * y_block + r * y_pixel, rectify(sum[r][j], slope));
  }
}

using ProductKernel = void (*)(Product&);

template <int J, int kPitch, std::size_t... I>
constexpr std::array<ProductKernel, kRows> product_kernels(std::index_sequence<I...>) {
  return {&product<static_cast<int>(I) + 1, J, kPitch>...};
}

// The kernel for `rows` (1..kRows) pixels and `blocks` (1..kPanelBlocks) blocks of filters.
template <int kPitch>
ProductKernel product_kernel(int rows, int blocks) {
  static_assert(kPanelBlocks == 2);
  constexpr auto rows_of = std::make_index_sequence<kRows>{};
  static constexpr std::array<ProductKernel, kRows> one = product_kernels<1, kPitch>(rows_of);
  static constexpr std::array<ProductKernel, kRows> two = product_kernels<2, kPitch>(rows_of);
  return (blocks == 1 ? one : two)[rows - 1];
}

// Calls of the kernel for so many pixels.
constexpr int runs_of(int pixels) { return (pixels + kRows - 1) / kRows; }

// Computes `pixels` pixels in runs of nearly the same length, and moves p past them.
template <int kPitch>
void product_pixels(Product& p, int pixels, int blocks) {
  for (int runs = runs_of(pixels); runs > 0; --runs) {
    const int rows = (pixels + runs - 1) / runs;
    product_kernel<kPitch>(rows, blocks)(p);
    pixels -= rows;
    p.x += std::ptrdiff_t{kPitch} * rows;
    p.y += p.y_pixel * rows;
  }
}

}  // namespace pydarknet::simd
