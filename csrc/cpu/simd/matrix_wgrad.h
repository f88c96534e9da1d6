// The micro-kernel of weights' gradients by matrix registers: sums over pixels of BF16 filters times BF16
// channels, of up to two tiles of kBlock filters, and two of kBlock channels, each at a tap of its own.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/simd/matrices.h"

namespace pydarknet::simd {

inline constexpr int kWgradTiles = 2;                 // of filters, and of channels
inline constexpr int kStepPixels = kMatrixBytes / 2;  // that a product sums over
inline constexpr int kRegisterBytes = kMatrixRows * kMatrixBytes;
inline constexpr int kRegisterSums = kRegisterBytes / 4;

struct MatrixWgrad {
  const std::uint8_t* y[kWgradTiles];     // [step][filter][pixel]
  const std::uint8_t* x[kWgradTiles];     // [two pixels][channel][pixel], from any two on
  int steps;                              // of kStepPixels
  float* sums[kWgradTiles][kWgradTiles];  // [tile of filters][tile of channels], [filter][channel] each
  bool fresh;                             // sums start from 0, whatever they hold
};

// For I tiles of filters and J of channels. Registers: four of sums, two of y, two of x, all of the full
// size.
template <class Matrices, int I, int J>
void matrix_wgrad(Matrices& m, const MatrixWgrad& p) {
  constexpr int kY = 4, kX = 6;
  constexpr bool kY2 = I > 1, kX2 = J > 1;
  if (p.fresh) {
    m.template zero<0>();
    if constexpr (kX2) m.template zero<1>();
    if constexpr (kY2) m.template zero<2>();
    if constexpr (kY2 && kX2) m.template zero<3>();
  } else {
    m.template load<0>(p.sums[0][0], kMatrixBytes);
    if constexpr (kX2) m.template load<1>(p.sums[0][1], kMatrixBytes);
    if constexpr (kY2) m.template load<2>(p.sums[1][0], kMatrixBytes);
    if constexpr (kY2 && kX2) m.template load<3>(p.sums[1][1], kMatrixBytes);
  }
  const std::uint8_t *const y0 = p.y[0], *const y1 = p.y[I - 1], *const x0 = p.x[0], *const x1 = p.x[J - 1];
  for (std::ptrdiff_t at = 0, end = std::ptrdiff_t{p.steps} * kRegisterBytes; at < end;
       at += kRegisterBytes) {
    m.template load<kY>(y0 + at, kMatrixBytes);
    m.template load<kX>(x0 + at, kMatrixBytes);
    m.template add_pairs<0, kY, kX>();
    if constexpr (kX2) {
      m.template load<kX + 1>(x1 + at, kMatrixBytes);
      m.template add_pairs<1, kY, kX + 1>();
    }
    if constexpr (kY2) {
      m.template load<kY + 1>(y1 + at, kMatrixBytes);
      m.template add_pairs<2, kY + 1, kX>();
      if constexpr (kX2) m.template add_pairs<3, kY + 1, kX + 1>();
    }
  }
  m.template store<0>(p.sums[0][0], kMatrixBytes);
  if constexpr (kX2) m.template store<1>(p.sums[0][1], kMatrixBytes);
  if constexpr (kY2) m.template store<2>(p.sums[1][0], kMatrixBytes);
  if constexpr (kY2 && kX2) m.template store<3>(p.sums[1][1], kMatrixBytes);
}

inline MatrixShapes wgrad_shapes() {
  MatrixShapes shapes;
  for (int i = 0; i < kMatrices; ++i) shapes.set(i, kMatrixRows, kMatrixBytes);
  return shapes;
}

}  // namespace pydarknet::simd
