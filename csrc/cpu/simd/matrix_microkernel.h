// The micro-kernel of BF16 in pairs (simd/microkernel.h) by matrix registers: the sums of all pixels and of a
// block of filters are one, the words of a segment's channels another, their weights a third.
#pragma once
#include <algorithm>

#include "cpu/simd/factors.h"
#include "cpu/simd/matrices.h"
#include "cpu/simd/microkernel.h"

namespace pydarknet::simd {

static_assert(kRows <= kMatrixRows);

template <class Matrices>
class MatrixProduct {
  static constexpr int kPairs = kBlock / 2;  // of a channel block; floats from one pixel to the next
  static constexpr std::ptrdiff_t kPixelBytes = sizeof(float) * kPairs, kRowBytes = sizeof(float) * kBlock;
  // Registers: sums and weights of two blocks.
  static constexpr int kPixels = 2, kFirstWeights = 3;

 public:
  // p of so many pixels and blocks of filters.
  static void run(Product& p, int pixels, int blocks) {
    Matrices m(shapes(pixels));
    begin(p, pixels, blocks, m);
    const auto* const first = static_cast<const float*>(p.weights);
    for (int s = 0; s < p.count; ++s) {
      const float* const x = p.x + p.segments[s].offset;
      const float* weights = first + std::ptrdiff_t{p.segments[s].row} * blocks * kBlock;
      for (int c = 0; c < p.segments[s].length; c += kPairs) {
        const int pairs = std::min(kPairs, p.segments[s].length - c);
        if (pairs == kPairs) {
          add(m, x + c, weights, blocks);
        } else {
          add_few(m, x + c, pixels, weights, pairs, blocks);
        }
        weights += std::ptrdiff_t{pairs} * blocks * kBlock;
      }
      ask_ahead(p, p.segments[s].length);
    }
    end(p, pixels, blocks, m);
  }

 private:
  static MatrixShapes shapes(int pixels) {
    MatrixShapes all;
    for (int j = 0; j < kPanelBlocks; ++j) {
      all.set(j, pixels, kRowBytes);
      all.set(kFirstWeights + j, kPairs, kRowBytes);
    }
    all.set(kPixels, pixels, kPixelBytes);
    return all;
  }

  static void begin(const Product& p, int pixels, int blocks, Matrices& m) {
    float sums[kPanelBlocks][kMatrixRows * kBlock];
    for (int j = 0; j < blocks; ++j) {
      const Lanes start = p.bias ? simd::load(p.bias + j * kBlock) : Lanes{};
      for (int r = 0; r < pixels; ++r) {
        simd::store(sums[j] + r * kBlock,
                    p.accumulate ? simd::load(p.y + j * p.y_block + r * p.y_pixel) : start);
      }
    }
    m.template load<0>(sums[0], kRowBytes);
    if (blocks > 1) m.template load<1>(sums[1], kRowBytes);
  }

  static void add(Matrices& m, const float* x, const float* weights, int blocks) {
    m.template load<kPixels>(x, kPixelBytes);
    m.template load<kFirstWeights>(weights, blocks * kRowBytes);
    m.template add_pairs<0, kPixels, kFirstWeights>();
    if (blocks == 1) return;
    m.template load<kFirstWeights + 1>(weights + kBlock, blocks * kRowBytes);
    m.template add_pairs<1, kPixels, kFirstWeights + 1>();
  }

  // Of fewer pairs than a register holds: zeros fill it.
  static void add_few(Matrices& m, const float* x, int pixels, const float* weights, int pairs, int blocks) {
    float few_x[kMatrixRows * kPairs] = {}, few_weights[kPairs * kPanelBlocks * kBlock] = {};
    for (int r = 0; r < pixels; ++r) std::copy_n(x + r * kPairs, pairs, few_x + r * kPairs);
    std::copy_n(weights, pairs * blocks * kBlock, few_weights);
    add(m, few_x, few_weights, blocks);
  }

  static void ask_ahead(Product& p, int steps) {
    for (Ahead& ahead : p.ahead) {
      for (int i = 0; i < steps; ++i, ahead.from += ahead.step) {
        prefetch_l2(ahead.from);
        prefetch_l2(ahead.from + ahead.also);
      }
    }
    p.ahead[1].from += p.ahead[1].jump;
  }

  static void end(const Product& p, int pixels, int blocks, const Matrices& m) {
    float sums[kPanelBlocks][kMatrixRows * kBlock];
    m.template store<0>(sums[0], kRowBytes);
    if (blocks > 1) m.template store<1>(sums[1], kRowBytes);
    for (int j = 0; j < blocks; ++j) {
      for (int r = 0; r < pixels; ++r) {
        simd::store(p.y + j * p.y_block + r * p.y_pixel, rectify(simd::load(sums[j] + r * kBlock), p.slope));
      }
    }
  }
};

template <class Matrices, int R, int J>
void matrix_product(Product& p) {
  MatrixProduct<Matrices>::run(p, R, J);
}

template <class Matrices, int J, std::size_t... I>
constexpr std::array<ProductKernel, kRows> matrix_kernels_of(std::index_sequence<I...>) {
  return {&matrix_product<Matrices, static_cast<int>(I) + 1, J>...};
}

template <class Matrices>
constexpr ProductKernels matrix_kernels() {
  constexpr auto rows = std::make_index_sequence<kRows>{};
  return {kBlock / 2, {matrix_kernels_of<Matrices, 1>(rows), matrix_kernels_of<Matrices, 2>(rows)}};
}

}  // namespace pydarknet::simd
