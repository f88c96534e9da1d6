// The micro-kernel of F(4x4, 3x3) for few tiles: kernels come from memory as nine numbers, and are taken to
// three of the 36 points in registers, where they are multiplied at once.
//
//   m[point][j][slot] += sum over channels c:  v[point][slot][c] * u[point][j][c]
//
// With points +-a and +-b, an axis of a kernel g is packed as s = g0 + a^2 g2, o = a g1 and t = (a/b) (g0 +
// b^2 g2), all times the normalisation of +-a. So u is s + o and s - o at +-a, and, up to factors that are in
// v, t + o and t - o at +-b, (b/a) s - t at 0 and (b/a) t - s at infinity. A step is 12 + 12 loads, 24
// multiply-adds of four tiles and two blocks of filters, two to eight of the mixing, and as many additions.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/simd/microkernel.h"
#include "cpu/simd/vec.h"
#include "shared/winograd.h"

namespace pydarknet::simd {

inline constexpr int kFewTiles = 4;   // that are multiplied together, at most
inline constexpr int kFewPoints = 3;  // of one row: the outer one, and those of a plus and of a minus
inline constexpr int kFewBlocks = kRegisters > 16 ? 2 : 1;  // of filters
// Floats of a point: transformed input [slot][channel] of a block of channels, sums [j][slot][filter].
inline constexpr int kFewInput = kFewTiles * kBlock, kFewSums = kPanelBlocks * kFewInput;
inline constexpr int kFewInputs = 36 * kFewInput;  // of all points

// How two of the packed rows, or columns, make one of the six.
enum class FewMix { kPlus, kMinus, kOuter };

template <FewMix kMix>
PYDARKNET_INLINE Lanes few_mix(Lanes x, Lanes y) {
  constexpr float outer = Winograd<4>::kB / Winograd<4>::kA;
  return kMix == FewMix::kPlus ? x + y : kMix == FewMix::kMinus ? x - y : outer * x - y;
}

struct FewProduct {
  const float *x, *y;     // the first channel's packed rows to mix, at their first column
  std::ptrdiff_t next;    // floats from one channel to the next
  std::ptrdiff_t column;  // floats from one column to the next, which may lie before it
  const float* v;         // the transformed input of the points, block after block of channels
  float* m;               // their sums
  int channels;
  bool accumulate;  // starts from m instead of 0
  Ahead ahead;      // into the second-level cache
};

// For `kInner` tiles, of which `kOuterTiles` see the outer point, and J blocks of filters.
template <FewMix kMix, int kInner, int kOuterTiles, int J>
void few_product(FewProduct& p) {
  constexpr int kTiles[] = {kOuterTiles, kInner, kInner};
  Lanes sum[kFewPoints][kInner][J] = {};
  float* const m = p.m;
  if (p.accumulate) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kFewPoints; ++i) {
      PYDARKNET_UNROLL
      for (int r = 0; r < kTiles[i]; ++r) {
        PYDARKNET_UNROLL
        for (int j = 0; j < J; ++j) sum[i][r][j] = load(m + i * kFewSums + j * kFewInput + r * kBlock);
      }
    }
  }
  const float *x = p.x, *y = p.y, *v = p.v, *ahead = p.ahead.from;
  const std::ptrdiff_t next = p.next, column = p.column, step = p.ahead.step, half = step / 2;
  for (int left = p.channels; left > 0; left -= kBlock, v += kFewInputs) {
    const int channels = left < kBlock ? left : kBlock;
    for (const float *tile = v, *end = v + channels; tile != end; ++tile) {
      prefetch_l2(ahead);
      if (J > 1) prefetch_l2(ahead + half);
      ahead += step;
      Lanes u[kFewPoints][J];
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) {
        const float *from = x + j * kBlock, *other = y + j * kBlock;
        const Lanes inner = few_mix<kMix>(load(from), load(other));
        const Lanes odd = few_mix<kMix>(load(from + column), load(other + column));
        const Lanes outer = few_mix<kMix>(load(from + 2 * column), load(other + 2 * column));
        u[0][j] = few_mix<FewMix::kOuter>(inner, outer);
        u[1][j] = few_mix<FewMix::kPlus>(inner, odd);
        u[2][j] = few_mix<FewMix::kMinus>(inner, odd);
      }
      x += next;
      y += next;
      PYDARKNET_UNROLL
      for (int i = 0; i < kFewPoints; ++i) {
        PYDARKNET_UNROLL
        for (int r = 0; r < kTiles[i]; ++r) {
          const Lanes value = splat(tile[i * kFewInput + r * kBlock]);
          PYDARKNET_UNROLL
          for (int j = 0; j < J; ++j) sum[i][r][j] += value * u[i][j];
        }
      }
    }
  }
  p.ahead.from = ahead;
  PYDARKNET_UNROLL
  for (int i = 0; i < kFewPoints; ++i) {
    PYDARKNET_UNROLL
    for (int r = 0; r < kTiles[i]; ++r) {
      PYDARKNET_UNROLL
      for (int j = 0; j < J; ++j) store(m + i * kFewSums + j * kFewInput + r * kBlock, sum[i][r][j]);
    }
  }
}

template <FewMix kMix, int J>
void few_product(int inner, int outer, FewProduct& p) {
  switch (inner) {
    case 1:
      return few_product<kMix, 1, 1, J>(p);
    case 2:
      return outer <= 1 ? few_product<kMix, 2, 1, J>(p) : few_product<kMix, 2, 2, J>(p);
    case 3:
      return few_product<kMix, 3, 3, J>(p);
    default:
      return outer <= 2 ? few_product<kMix, 4, 2, J>(p) : few_product<kMix, 4, 4, J>(p);
  }
}

template <int J>
void few_product(FewMix mix, int inner, int outer, FewProduct& p) {
  mix == FewMix::kPlus    ? few_product<FewMix::kPlus, J>(inner, outer, p)
  : mix == FewMix::kMinus ? few_product<FewMix::kMinus, J>(inner, outer, p)
                          : few_product<FewMix::kOuter, J>(inner, outer, p);
}

// For so many tiles that see the inner points, and the outer one; where there is no kernel for these very
// numbers, slots that hold nothing are multiplied too.
inline void few_product(FewMix mix, int inner, int outer, int blocks, FewProduct& p) {
  for (int j = 0; j < blocks; j += kFewBlocks) {
    blocks - j < 2 || kFewBlocks < 2 ? few_product<1>(mix, inner, outer, p)
                                     : few_product<kFewBlocks>(mix, inner, outer, p);
    p.x += kFewBlocks * kBlock;
    p.y += kFewBlocks * kBlock;
    p.m += kFewBlocks * kFewInput;
  }
}

}  // namespace pydarknet::simd
