// The micro-kernel in 8 bits by matrix registers: the sums of all pixels and of a block of filters are one,
// the bytes of a tap, or of three that lie side by side, another, their weights a third.
#pragma once
#include "cpu/int8/conv.h"
#include "cpu/simd/matrices.h"

namespace pydarknet::int8 {

static_assert(kRows <= simd::kMatrixRows && kVectors == 1);

// R pixels and J blocks of filters.
template <class Matrices, int R, int J>
class MatrixProduct {
  static constexpr int kTaps = 3;  // together
  // Registers: sums of two blocks; the pixels of three taps, their weights; the same of one.
  static constexpr int kThree = 2, kOne = 5;

 public:
  static void run(Product& p) {
    Matrices m(shapes());
    m.template zero<0>();
    m.template zero<1>();
    const std::uint8_t* weights = p.weights;
    for (int tap = 0; tap < p.count;) {
      const std::uint8_t* x = p.x + p.offsets[tap];
      const int taps = side_by_side(p, tap) ? kTaps : 1;
      taps == kTaps ? add<kThree>(m, x, p.x_pixel, weights) : add<kOne>(m, x, p.x_pixel, weights);
      for (int i = 0; i < taps; ++i, p.ahead += p.ahead_step) {
        __builtin_prefetch(p.ahead, 0, 2);
        __builtin_prefetch(p.ahead + 64, 0, 2);
      }
      weights += std::ptrdiff_t{taps} * kTapBytes;
      tap += taps;
    }
    IntLanes sum[R][J];
    m.template store<0>(&sum[0][0], sizeof sum[0]);
    if (J > 1) m.template store<1>(&sum[0][J - 1], sizeof sum[0]);
    finish<R, J>(p, sum);
  }

 private:
  static constexpr int kRowBytes = J * kStepBytes, kTapBytes = kByteBlock / kWordBytes * kRowBytes;

  static simd::MatrixShapes shapes() {
    simd::MatrixShapes all;
    for (int j = 0; j < kPanelBlocks; ++j) all.set(j, R, kStepBytes);
    for (const int first : {kThree, kOne}) {
      const int bytes = (first == kThree ? kTaps : 1) * kByteBlock;
      all.set(first, R, bytes);
      for (int j = 1; j <= kPanelBlocks; ++j) all.set(first + j, bytes / kWordBytes, kStepBytes);
    }
    return all;
  }

  static bool side_by_side(const Product& p, int tap) {
    return tap + kTaps <= p.count && p.offsets[tap + 1] == p.offsets[tap] + kByteBlock &&
           p.offsets[tap + 2] == p.offsets[tap] + 2 * kByteBlock;
  }

  template <int kPixels>
  static void add(Matrices& m, const std::uint8_t* x, std::ptrdiff_t pixel, const std::uint8_t* weights) {
    m.template load<kPixels>(x, pixel);
    m.template load<kPixels + 1>(weights, kRowBytes);
    m.template add_bytes<0, kPixels, kPixels + 1>();
    if (J == 1) return;
    m.template load<kPixels + 2>(weights + kStepBytes, kRowBytes);
    m.template add_bytes<1, kPixels, kPixels + 2>();
  }
};

template <class Matrices, int J, std::size_t... I>
Kernels matrix_kernels(std::index_sequence<I...>) {
  static constexpr Kernel list[] = {&MatrixProduct<Matrices, static_cast<int>(I) + 1, J>::run...};
  return {list, static_cast<int>(sizeof...(I))};
}

// What pools and what reads an image goes by Body, which has the same packed weights.
template <class Matrices, class Body>
struct MatrixKernels {
  static Kernels choose(int lanes, std::ptrdiff_t pixel, int blocks, bool pooled) {
    if (lanes == kImageBlock || pooled) return VectorKernels<Body>::choose(lanes, pixel, blocks, pooled);
    constexpr auto rows = std::make_index_sequence<kRows>{};
    return blocks == 1 ? matrix_kernels<Matrices, 1>(rows) : matrix_kernels<Matrices, kPanelBlocks>(rows);
  }
};

}  // namespace pydarknet::int8
