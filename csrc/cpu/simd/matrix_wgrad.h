// The micro-kernel of weights' gradients by matrix registers: sums over pixels of BF16 channels times BF16
// filters, of up to two tiles of kBlock channels, each at a tap of its own, and two of kBlock filters.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/simd/matrices.h"

namespace pydarknet::simd {

inline constexpr int kWgradTiles = 2;                 // of channels, and of filters
inline constexpr int kStepPixels = kMatrixBytes / 2;  // that a product sums over
inline constexpr int kRegisterBytes = kMatrixRows * kMatrixBytes;
inline constexpr int kRegisterSums = kRegisterBytes / 4;

struct MatrixWgrad {
  const std::uint8_t* x[kWgradTiles];     // rows of a channel's pixels, from any pixel on
  std::ptrdiff_t x_row;                   // bytes from one channel to the next
  const std::uint8_t* y[kWgradTiles];     // [two pixels][filter][pixel]
  int steps;                              // of kStepPixels
  float* sums[kWgradTiles][kWgradTiles];  // [tile of channels][tile of filters], [channel][filter] each
  bool fresh;                             // sums start from 0, whatever they hold
};

// For I tiles of channels and J of filters. Registers: four of sums, two of x, two of y, all of the full
// size.
template <class Matrices, int I, int J>
void matrix_wgrad(Matrices& m, const MatrixWgrad& p) {
  constexpr int kX = 4, kY = 6;
  constexpr bool kX2 = I > 1, kY2 = J > 1;
  if (p.fresh) {
    m.template zero<0>();
    if constexpr (kY2) m.template zero<1>();
    if constexpr (kX2) m.template zero<2>();
    if constexpr (kX2 && kY2) m.template zero<3>();
  } else {
    m.template load<0>(p.sums[0][0], kMatrixBytes);
    if constexpr (kY2) m.template load<1>(p.sums[0][1], kMatrixBytes);
    if constexpr (kX2) m.template load<2>(p.sums[1][0], kMatrixBytes);
    if constexpr (kX2 && kY2) m.template load<3>(p.sums[1][1], kMatrixBytes);
  }
  const std::uint8_t *x0 = p.x[0], *x1 = p.x[I - 1], *y0 = p.y[0], *y1 = p.y[J - 1];
  const std::ptrdiff_t x_row = p.x_row;
  for (int step = 0, steps = p.steps; step < steps; ++step) {
    m.template load<kX>(x0, x_row);
    m.template load<kY>(y0, kMatrixBytes);
    m.template add_pairs<0, kX, kY>();
    if constexpr (kY2) {
      m.template load<kY + 1>(y1, kMatrixBytes);
      m.template add_pairs<1, kX, kY + 1>();
    }
    if constexpr (kX2) {
      m.template load<kX + 1>(x1, x_row);
      m.template add_pairs<2, kX + 1, kY>();
      if constexpr (kY2) m.template add_pairs<3, kX + 1, kY + 1>();
    }
    x0 += kMatrixBytes, x1 += kMatrixBytes, y0 += kRegisterBytes, y1 += kRegisterBytes;
  }
  m.template store<0>(p.sums[0][0], kMatrixBytes);
  if constexpr (kY2) m.template store<1>(p.sums[0][1], kMatrixBytes);
  if constexpr (kX2) m.template store<2>(p.sums[1][0], kMatrixBytes);
  if constexpr (kX2 && kY2) m.template store<3>(p.sums[1][1], kMatrixBytes);
}

inline MatrixShapes wgrad_shapes() {
  MatrixShapes shapes;
  for (int i = 0; i < kMatrices; ++i) shapes.set(i, kMatrixRows, kMatrixBytes);
  return shapes;
}

}  // namespace pydarknet::simd
