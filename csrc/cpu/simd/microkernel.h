// The micro-kernel of convolution: pixels times weights, summed over a list of segments.
//
//   y[j][r] = act(start[j][r]
//                 + sum over segments s, c < s.length:  x[s.offset + r * kPitch + c] * w[s.row + c][j])
//
// r counts pixels, j blocks of filters, c channels. Accumulators live in registers; a pixel's value is
// broadcast, a block of filters' weights is one load. What a weight is in memory, and what is multiplied, is
// said by Factors (simd/factors.h). Plain images have their own (simd/plain_microkernel.h).
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

// `length` consecutive floats at `offset` from the first pixel's base, for each of the pixels, and where in
// the weights the first one's row is.
struct Segment {
  std::ptrdiff_t offset;
  int length;
  int row;
};

// Blocks of filters, and pixels, that one call computes at most: their product plus the operands fill the
// register file.
inline constexpr int kPanelBlocks = 2;
inline constexpr int kRows = (kRegisters - 4) / kPanelBlocks;

// Where floats lie that are wanted soon, and how far apart those are that are asked for at each step of a
// product. Not null: an address without a page costs more than it saves.
struct Ahead {
  const float* from;
  std::ptrdiff_t step;
  std::ptrdiff_t jump = 0;  // after each segment
  std::ptrdiff_t also = 0;  // asked for at the same step, so much further on
};

// `count` floats asked for in `steps` steps, none of which may come.
inline Ahead ahead(const float* from, std::int64_t count, std::int64_t steps) {
  steps = std::max<std::int64_t>(steps, 1);
  const auto step = static_cast<std::ptrdiff_t>((count + steps - 1) / steps);
  return {from, step, 0, step / 2};  // few pixels: a step is two lines long
}

// The same of what comes from memory, in two halves side by side: a processor's own prefetching goes on to
// the end of a page, and has two to go on in.
inline Ahead ahead_in_halves(const float* from, std::int64_t count, std::int64_t steps) {
  Ahead halves = ahead(from, count / 2, steps);
  halves.also = static_cast<std::ptrdiff_t>(count / 2);
  return halves;
}

struct Product {
  const float* x;                        // first pixel
  const Segment* segments;               //
  int count;                             // of segments
  const void* weights;                   // [row][Factors::kRows][j * kBlock]
  const float* bias;                     // j * kBlock floats the sums start from; nullptr starts from 0
  float* y;                              // first pixel of the first block of filters
  std::ptrdiff_t y_block;                // floats from one block of filters to the next
  std::ptrdiff_t y_pixel;                // floats from one pixel to the next
  float slope;                           // of the rectifier at the end; 1 keeps the sums
  void (*finish)(float*, std::int64_t);  // after it, of so many consecutive floats; nullptr: nothing
  bool accumulate;                       // starts from y instead of bias
  std::array<Ahead, 2> ahead;            // into the second-level cache, while the products go on
};

template <int R, int J, int kPitch, class Factors>
void product(Product& p) {
  constexpr std::ptrdiff_t kStep = Factors::kRows * J * kBlock;  // of weights
  Lanes sum[R][J];
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    const Lanes start = p.bias ? load(p.bias + j * kBlock) : Lanes{};
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) sum[r][j] = p.accumulate ? load(p.y + j * p.y_block + r * p.y_pixel) : start;
  }
  // One by one: GCC would keep a copy of the whole in vector registers.
  const float *first = p.ahead[0].from, *second = p.ahead[1].from;
  const std::ptrdiff_t first_step = p.ahead[0].step, second_step = p.ahead[1].step, also = p.ahead[0].also;
  for (int s = 0; s < p.count; ++s) {
    forget_loads();  // of p, for which there are no registers
    const float* x = p.x + p.segments[s].offset;
    auto w =
        static_cast<const typename Factors::Weight*>(p.weights) + std::ptrdiff_t{p.segments[s].row} * kStep;
    // The next segment's pixels, or the first ones of those after these: lines apart from these, which no
    // processor expects.
    const bool more = s + 1 < p.count;
    const float* near = p.x + p.segments[more ? s + 1 : 0].offset + (more ? 0 : R * kPitch);
    for (const float* end = x + p.segments[s].length; x != end; ++x, w += kStep) {
      prefetch_l2(first);
      prefetch_l2(first + also);
      prefetch_l2(second);
      prefetch_l1(near);
      near += kBlock;
      first += first_step;
      second += second_step;
      Lanes filters[J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) filters[j] = Factors::weights(w + j * kBlock, J * kBlock);
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Lanes pixel = splat(x[r * kPitch]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) sum[r][j] = Factors::add_product(sum[r][j], pixel, filters[j]);
      }
    }
    second += p.ahead[1].jump;
  }
  p.ahead[0].from = first;
  p.ahead[1].from = second;
  const float slope = p.slope;
  float* const y = p.y;
  const std::ptrdiff_t y_block = p.y_block, y_pixel = p.y_pixel;
  if (slope != 1.0f) {
    PYDARKNET_UNROLL
    for (int j = 0; j < J; ++j) {
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) sum[r][j] = rectify(sum[r][j], slope);
    }
  }
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) store(y + j * y_block + r * y_pixel, sum[r][j]);
  }
}

using ProductKernel = void (*)(Product&);

// The kernels for pixels `pitch` floats apart: [blocks - 1][pixels - 1].
struct ProductKernels {
  int pitch;
  std::array<std::array<ProductKernel, kRows>, kPanelBlocks> kernels;
};

template <int J, int kPitch, class Factors, std::size_t... I>
constexpr std::array<ProductKernel, kRows> kernels_of_blocks(std::index_sequence<I...>) {
  return {&product<static_cast<int>(I) + 1, J, kPitch, Factors>...};
}

template <int kPitch, class Factors>
constexpr ProductKernels product_kernels() {
  static_assert(kPanelBlocks == 2);
  constexpr auto rows = std::make_index_sequence<kRows>{};
  return {kPitch, {kernels_of_blocks<1, kPitch, Factors>(rows), kernels_of_blocks<2, kPitch, Factors>(rows)}};
}

// Calls of the kernel for so many pixels.
constexpr int runs_of(int pixels) { return (pixels + kRows - 1) / kRows; }

// Of what a kernel has just written, in the first-level cache still.
inline void finish_rows(const Product& p, int rows, int blocks) {
  for (int j = 0; j < blocks; ++j) {
    float* const y = p.y + j * p.y_block;
    if (p.y_pixel == kBlock) {
      p.finish(y, std::int64_t{rows} * kBlock);
    } else {
      for (int r = 0; r < rows; ++r) p.finish(y + r * p.y_pixel, kBlock);
    }
  }
}

// Computes `pixels` pixels in runs of nearly the same length, and moves p past them. before(rows) is called
// with the length of each run.
template <class F>
inline void product_runs(const ProductKernels& of, Product& p, int pixels, int blocks, F&& before) {
  for (int runs = runs_of(pixels); runs > 0; --runs) {
    const int rows = (pixels + runs - 1) / runs;
    before(rows);
    of.kernels[blocks - 1][rows - 1](p);
    if (p.finish) finish_rows(p, rows, blocks);
    pixels -= rows;
    p.x += std::ptrdiff_t{of.pitch} * rows;
    p.y += p.y_pixel * rows;
  }
}
inline void product_pixels(const ProductKernels& of, Product& p, int pixels, int blocks) {
  product_runs(of, p, pixels, blocks, [](int) {});
}

}  // namespace pydarknet::simd
