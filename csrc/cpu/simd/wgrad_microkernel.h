// The micro-kernel of weight gradients: a sum of outer products over the pixels of a rectangle.
//
//   sums[r][j] += sum over rows, columns:  x[row, column][r] * y[row, column][j]
//
// r counts floats of x, consecutive (channels of a block) or at given offsets (taps of a plain image), each
// of them broadcast; j counts vectors of y. Sums live in registers. What a float of x and y is, and how they
// are multiplied, is said by Factors (simd/factors.h): with pairs a pixel stands for two.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

// Vectors of y that one call takes at most, and values of x beside so many: their sums fill three quarters of
// the registers.
inline constexpr int kWgradVectors = 3;
inline constexpr int wgrad_values(int vectors) {
  return vectors == kWgradVectors ? std::min(kBlock, kRegisters / 4) : kRegisters * 3 / 4 / vectors;
}

// Strides are in floats.
struct WgradOperands {
  const float* x;
  const std::ptrdiff_t* offsets;  // of the values of x from a pixel's first; nullptr for consecutive ones
  std::ptrdiff_t x_row, x_column;
  const float* y;
  std::ptrdiff_t y_row, y_column, y_vector;
  int rows, columns;
  float* sums;
  std::ptrdiff_t sums_value, sums_vector;
  bool fresh;                 // sums start from 0, whatever they hold
  const float* ahead;         // wanted soon in the second-level cache; moves on. nullptr: nothing is
  std::ptrdiff_t ahead_step;  // floats of it that are asked for at each pixel
};

template <class Factors, int R, int J, bool kOffsets>
void wgrad(WgradOperands& p) {
  Lanes sum[R][J];
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) {
    PYDARKNET_UNROLL
    for (int j = 0; j < J; ++j) {
      sum[r][j] = p.fresh ? Lanes{} : load(p.sums + r * p.sums_value + j * p.sums_vector);
    }
  }
  std::ptrdiff_t offsets[R];
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) offsets[r] = kOffsets ? p.offsets[r] : r;
  const std::ptrdiff_t x_column = p.x_column, y_column = p.y_column, y_vector = p.y_vector;
  const float* ahead = p.ahead ? p.ahead : p.y;
  const std::ptrdiff_t ahead_step = p.ahead ? p.ahead_step : 0;
  for (int row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * p.x_row;
    const float* y = p.y + row * p.y_row;
    for (int column = 0; column < p.columns; ++column, x += x_column, y += y_column, ahead += ahead_step) {
      prefetch_l2(ahead);
      Lanes vectors[J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) vectors[j] = load(y + j * y_vector);
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Lanes value = splat(x[offsets[r]]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) sum[r][j] = Factors::add_product(sum[r][j], value, vectors[j]);
      }
    }
  }
  if (p.ahead) p.ahead = ahead;
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) {
    PYDARKNET_UNROLL
    for (int j = 0; j < J; ++j) store(p.sums + r * p.sums_value + j * p.sums_vector, sum[r][j]);
  }
}

using WgradKernel = void (*)(WgradOperands&);
// [vectors - 1][values - 1]
using WgradKernels = std::array<std::array<WgradKernel, wgrad_values(1)>, kWgradVectors>;

namespace detail {
template <class Factors, int J, bool kOffsets, std::size_t... I>
constexpr std::array<WgradKernel, wgrad_values(1)> wgrad_kernels(std::index_sequence<I...>) {
  return {&wgrad<Factors, static_cast<int>(I) + 1, J, kOffsets>...};
}
}  // namespace detail

// For values of x at offsets, or for consecutive ones.
template <class Factors, bool kOffsets = false>
const WgradKernels& wgrad_kernels() {
  static constexpr WgradKernels kernels{
      detail::wgrad_kernels<Factors, 1, kOffsets>(std::make_index_sequence<wgrad_values(1)>{}),
      detail::wgrad_kernels<Factors, 2, kOffsets>(std::make_index_sequence<wgrad_values(2)>{}),
      detail::wgrad_kernels<Factors, 3, kOffsets>(std::make_index_sequence<wgrad_values(3)>{})};
  return kernels;
}

}  // namespace pydarknet::simd
