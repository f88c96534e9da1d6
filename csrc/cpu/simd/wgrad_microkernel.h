// The micro-kernel of weight gradients: a sum of outer products over the pixels of a rectangle.
//
//   sums[r][j] += sum over rows, columns:  x[row, column][r] * y[row, column][j]
//
// r counts floats of x, consecutive (channels of a block) or at given offsets (taps of a plain image), each
// of them broadcast; j counts vectors of y. Sums live in registers.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

// Values of x and vectors of y that one call takes at most: their sums fill three quarters of the registers.
inline constexpr int kWgradValues = std::min(kBlock, kRegisters / 4);
inline constexpr int kWgradVectors = 3;

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
};

template <int R, int J, bool kOffsets>
void wgrad(const WgradOperands& p) {
  Lanes sum[R][J];
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) {
    PYDARKNET_UNROLL
    for (int j = 0; j < J; ++j) sum[r][j] = load(p.sums + r * p.sums_value + j * p.sums_vector);
  }
  std::ptrdiff_t offsets[R];
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) offsets[r] = kOffsets ? p.offsets[r] : r;
  const std::ptrdiff_t x_column = p.x_column, y_column = p.y_column, y_vector = p.y_vector;
  for (int row = 0; row < p.rows; ++row) {
    const float* x = p.x + row * p.x_row;
    const float* y = p.y + row * p.y_row;
    for (int column = 0; column < p.columns; ++column, x += x_column, y += y_column) {
      Lanes vectors[J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) vectors[j] = load(y + j * y_vector);
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Lanes value = splat(x[offsets[r]]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) sum[r][j] += value * vectors[j];
      }
    }
  }
  PYDARKNET_UNROLL
  for (int r = 0; r < R; ++r) {
    PYDARKNET_UNROLL
    for (int j = 0; j < J; ++j) store(p.sums + r * p.sums_value + j * p.sums_vector, sum[r][j]);
  }
}

using WgradKernel = void (*)(const WgradOperands&);

namespace detail {
template <int J, bool kOffsets, std::size_t... I>
constexpr std::array<WgradKernel, kWgradValues> wgrad_kernels(std::index_sequence<I...>) {
  return {&wgrad<static_cast<int>(I) + 1, J, kOffsets>...};
}
}  // namespace detail

// The kernel for `values` (1..kWgradValues) of x and `vectors` (1..kWgradVectors) of y.
template <bool kOffsets>
WgradKernel wgrad_kernel(int values, int vectors) {
  constexpr auto each = std::make_index_sequence<kWgradValues>{};
  static constexpr std::array<WgradKernel, kWgradValues> kernels[kWgradVectors] = {
      detail::wgrad_kernels<1, kOffsets>(each), detail::wgrad_kernels<2, kOffsets>(each),
      detail::wgrad_kernels<3, kOffsets>(each)};
  return kernels[vectors - 1][values - 1];
}

}  // namespace pydarknet::simd
