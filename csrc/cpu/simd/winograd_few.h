// The micro-kernel of F(4x4, 3x3) for few tiles: kernels come from memory as nine numbers, and are taken to
// three of the 36 points in registers, where they are multiplied at once.
//
//   m[point][j][slot] += sum over channels c:  v[point][slot][c] * u[point][j][c]
//
// The nine are s, o and t in both directions (simd/winograd_mix.h). A step is 12 + 12 loads, 24 multiply-adds
// of four tiles and two blocks of filters, two to eight of the mixing, and as many additions.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "cpu/simd/microkernel.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/winograd_mix.h"

namespace pydarknet::simd {

inline constexpr int kFewTiles = 4;   // that are multiplied together, at most
inline constexpr int kFewTaps = 9;    // packed numbers, three rows of three
inline constexpr int kFewPoints = 3;  // of one row: the outer one, and those of a plus and of a minus
inline constexpr int kFewBlocks = kRegisters > 16 ? 2 : 1;  // of filters
// Floats of a point: transformed input [slot][channel] of a block of channels, sums [j][slot][filter].
inline constexpr int kFewInput = kFewTiles * kBlock, kFewSums = kPanelBlocks * kFewInput;
inline constexpr int kFewInputs = 36 * kFewInput;  // of all points

// Channels of a panel at all points. The micro-kernel adds up where things lie itself: what is stored here,
// GCC would compute in vector registers, behind the multiply-adds.
struct FewProduct {
  const float* taps;   // [channel][packed number][filter]
  std::ptrdiff_t row;  // filters
  const float* v;      // block after block of channels
  float* m;
  int channels;
  bool accumulate;  // starts from m instead of 0
  Ahead ahead;      // into the second-level cache
};

// Three points of a row.
struct FewPoints {
  using Kernel = void (*)(const FewPoints&, int block, FewProduct&);

  int place;                      // of the first one
  int x, y;                       // packed numbers to mix, at their first column
  int column;                     // from one column to the next: 1, or back: -1
  std::array<Kernel, 2> kernels;  // for one block of filters, and for kFewBlocks
};

// For `kInner` tiles, of which `kOuterTiles` see the outer point, and J blocks of filters.
template <Mix kMix, int kInner, int kOuterTiles, int J>
void few_product(const FewPoints& at, int block, FewProduct& p) {
  constexpr int kTiles[] = {kOuterTiles, kInner, kInner};
  Lanes sum[kFewPoints][kInner][J] = {};
  float* const m = p.m + at.place * kFewSums + block * kFewInput;
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
  const float *x = p.taps + at.x * p.row + block * kBlock, *y = x + (at.y - at.x) * p.row;
  const float *v = p.v + at.place * kFewInput, *ahead = p.ahead.from;
  const std::ptrdiff_t next = kFewTaps * p.row, column = at.column * p.row, step = p.ahead.step,
                       half = step / 2;
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
        const Lanes inner = mixed<kMix>(load(from), load(other));
        const Lanes odd = mixed<kMix>(load(from + column), load(other + column));
        const Lanes outer = mixed<kMix>(load(from + 2 * column), load(other + 2 * column));
        u[0][j] = mixed<Mix::kOuter>(inner, outer);
        u[1][j] = mixed<Mix::kPlus>(inner, odd);
        u[2][j] = mixed<Mix::kMinus>(inner, odd);
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

template <Mix kMix, int J>
constexpr FewPoints::Kernel few_kernel(int inner, int outer) {
  switch (inner) {
    case 1:
      return few_product<kMix, 1, 1, J>;
    case 2:
      return outer <= 1 ? few_product<kMix, 2, 1, J> : few_product<kMix, 2, 2, J>;
    case 3:
      return few_product<kMix, 3, 3, J>;
    default:
      return outer <= 2 ? few_product<kMix, 4, 2, J> : few_product<kMix, 4, 4, J>;
  }
}

// For so many tiles that see the inner points, and the outer one; where there is no kernel for these very
// numbers, slots that hold nothing are multiplied too.
template <Mix kMix>
constexpr std::array<FewPoints::Kernel, 2> few_kernels(int inner, int outer) {
  return {few_kernel<kMix, 1>(inner, outer), few_kernel<kMix, kFewBlocks>(inner, outer)};
}
inline std::array<FewPoints::Kernel, 2> few_kernels(Mix mix, int inner, int outer) {
  return mix == Mix::kPlus    ? few_kernels<Mix::kPlus>(inner, outer)
         : mix == Mix::kMinus ? few_kernels<Mix::kMinus>(inner, outer)
                              : few_kernels<Mix::kOuter>(inner, outer);
}

inline void few_product(const FewPoints& at, int blocks, FewProduct& p) {
  for (int j = 0; j < blocks; j += kFewBlocks) at.kernels[blocks - j >= kFewBlocks](at, j, p);
}

}  // namespace pydarknet::simd
