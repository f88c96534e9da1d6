// The micro-kernel of two points t and -t of Winograd's transform, whose kernels are even + odd and even -
// odd: Parts make both of a step's three rows of weights, which are loaded once.
#pragma once
#include <array>
#include <cstddef>
#include <utility>

#include "cpu/simd/microkernel.h"

namespace pydarknet::simd {

// A product, and how far apart the other point's pixels and sums are, in floats.
struct PairProduct : Product {
  std::ptrdiff_t x_apart, y_apart;
};

// Pixels of a call: two points' sums, their weights and a pixel fill the registers.
inline constexpr int kPairRows = (kRegisters - 2 * kPanelBlocks - 2) / (2 * kPanelBlocks);

template <int R, int J, class Parts>
void pair_product(PairProduct& p) {
  constexpr std::ptrdiff_t kRow = J * kBlock, kStep = Parts::kRows * kRow;
  Lanes plus[R][J], minus[R][J];
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) {
      const float* const y = p.y + j * p.y_block + r * kBlock;
      plus[r][j] = p.accumulate ? load(y) : Lanes{};
      minus[r][j] = p.accumulate ? load(y + p.y_apart) : Lanes{};
    }
  }
  Ahead first = p.ahead[0];
  for (int s = 0; s < p.count; ++s) {
    forget_loads();  // of p, for which there are no registers
    const float* x = p.x + p.segments[s].offset;
    const std::ptrdiff_t apart = p.x_apart;
    auto w = static_cast<const float*>(p.weights) + p.segments[s].row * kStep;
    const bool more = s + 1 < p.count;
    const float* near = p.x + p.segments[more ? s + 1 : 0].offset + (more ? 0 : R * kBlock);
    for (const float* end = x + p.segments[s].length; x != end; ++x, w += kStep) {
      prefetch_l2(first.from);
      prefetch_l1(near);
      prefetch_l1(near + apart);
      first.from += first.step;
      near += kBlock;
      Lanes of_plus[J], of_minus[J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) {
        const Lanes even = Parts::even(w + j * kBlock, kRow), odd = Parts::odd(w + j * kBlock, kRow);
        of_plus[j] = even + odd;
        of_minus[j] = even - odd;
      }
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const Lanes pixel = splat(x[r * kBlock]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) plus[r][j] += pixel * of_plus[j];
        const Lanes other = splat(x[apart + r * kBlock]);
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) minus[r][j] += other * of_minus[j];
      }
    }
  }
  p.ahead[0] = first;
  PYDARKNET_UNROLL
  for (int j = 0; j < J; ++j) {
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) {
      float* const y = p.y + j * p.y_block + r * kBlock;
      store(y, plus[r][j]);
      store(y + p.y_apart, minus[r][j]);
    }
  }
}

using PairKernel = void (*)(PairProduct&);
// [blocks - 1][pixels - 1]
using PairKernels = std::array<std::array<PairKernel, kPairRows>, kPanelBlocks>;

template <class Parts, std::size_t... I>
constexpr PairKernels pair_kernels(std::index_sequence<I...>) {
  return {{{&pair_product<static_cast<int>(I) + 1, 1, Parts>...},
           {&pair_product<static_cast<int>(I) + 1, 2, Parts>...}}};
}

constexpr int pair_runs_of(int pixels) { return (pixels + kPairRows - 1) / kPairRows; }

// As product_pixels, of pixels kBlock floats apart.
inline void product_pairs(const PairKernels& kernels, PairProduct& p, int pixels, int blocks) {
  for (int runs = pair_runs_of(pixels); runs > 0; --runs) {
    const int rows = (pixels + runs - 1) / runs;
    kernels[blocks - 1][rows - 1](p);
    pixels -= rows;
    p.x += std::ptrdiff_t{kBlock} * rows;
    p.y += std::ptrdiff_t{kBlock} * rows;
  }
}

}  // namespace pydarknet::simd
