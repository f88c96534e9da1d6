// The micro-kernel of F(4x4, 3x3) for few tiles: kernels come from memory as nine numbers, and are taken to
// the points of a row in registers, where they are multiplied at once.
//
//   m[point][slot] += sum over channels c:  v[point][slot][c] * u[point][c]
//
// The nine are s, o and t in both directions (simd/winograd_mix.h). A step is all six points of a row, or
// with 16 registers half of them: for four tiles 24 multiply-adds, nine operations of the mixing, and 6 + 24
// loads. Two blocks of filters and half a row would be fewer loads, but twelve operations of the mixing for
// each, which an Intel core makes where it multiplies.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/simd/microkernel.h"
#include "cpu/simd/vec.h"
#include "cpu/simd/winograd_mix.h"

namespace pydarknet::simd {

inline constexpr int kFewTiles = 4;  // that are multiplied together, at most
inline constexpr int kFewTaps = 9;   // packed numbers, three rows of three
inline constexpr int kFewHalf = 3;  // points of half a row: the outer one, and those of a plus and of a minus
inline constexpr int kFewPoints = (kRegisters > 16 ? 2 : 1) * kFewHalf;  // of a step
// Floats of a point: [slot][channel] of a block of channels, or [slot][filter].
inline constexpr int kFewSlots = kFewTiles * kBlock;
inline constexpr int kFewInputs = 36 * kFewSlots;  // transformed input, of all points

// Channels of a block of filters at all points. The micro-kernel adds up where things lie itself: what is
// stored here, GCC would compute in vector registers, behind the multiply-adds.
struct FewProduct {
  const float* taps;  // [channel][packed number][filter]
  const float* v;     // block after block of channels
  float* m;
  int channels;
  bool accumulate;  // starts from m instead of 0
  // Into the second-level cache, two halves side by side, so many floats apart: a processor's own prefetching
  // goes on in a page, and is faster in two.
  Ahead ahead;
  std::ptrdiff_t half;
};

// The points of a step.
struct FewPoints {
  using Kernel = void (*)(const FewPoints&, FewProduct&);

  int place;   // of the first one
  int x, y;    // packed numbers to mix, at their first column
  int column;  // from one column to the next: 1, or back: -1
  Kernel kernel;
};

// For `kTiles` tiles, of which kOuter see the outer point of a half.
template <Mix kMix, int kTiles, int... kOuter>
void few_product(const FewPoints& at, FewProduct& p) {
  constexpr int kPoints = kFewHalf * sizeof...(kOuter), kSeen[][kFewHalf] = {{kOuter, kTiles, kTiles}...};
  Lanes sum[kPoints][kTiles] = {};
  float* const m = p.m + at.place * kFewSlots;
  if (p.accumulate) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kPoints; ++i) {
      const int seen = kSeen[i / kFewHalf][i % kFewHalf];
      PYDARKNET_UNROLL
      for (int r = 0; r < seen; ++r) sum[i][r] = load(m + i * kFewSlots + r * kBlock);
    }
  }
  const float *x = p.taps + at.x * kBlock, *y = p.taps + at.y * kBlock;
  const float *v = p.v + at.place * kFewSlots, *ahead = p.ahead.from;
  const std::ptrdiff_t column = at.column * kBlock, step = p.ahead.step, half = p.half;
  for (int left = p.channels; left > 0; left -= kBlock, v += kFewInputs) {
    const int channels = left < kBlock ? left : kBlock;
    for (const float *tile = v, *end = v + channels; tile != end; ++tile) {
      prefetch_l2(ahead);
      prefetch_l2(ahead + half);
      ahead += step;
      Lanes row[3];
      PYDARKNET_UNROLL
      for (int i = 0; i < 3; ++i) row[i] = mixed<kMix>(load(x + i * column), load(y + i * column));
      x += kFewTaps * kBlock;
      y += kFewTaps * kBlock;
      PYDARKNET_UNROLL
      for (int i = 0; i < kPoints; ++i) {
        const Lanes near = row[i / kFewHalf * 2], far = row[2 - i / kFewHalf * 2];
        const Lanes u = i % kFewHalf == 0   ? mixed<Mix::kOuter>(near, far)
                        : i % kFewHalf == 1 ? mixed<Mix::kPlus>(near, row[1])
                                            : mixed<Mix::kMinus>(near, row[1]);
        const int seen = kSeen[i / kFewHalf][i % kFewHalf];
        PYDARKNET_UNROLL
        for (int r = 0; r < seen; ++r) sum[i][r] += splat(tile[i * kFewSlots + r * kBlock]) * u;
      }
    }
  }
  p.ahead.from = ahead;
  PYDARKNET_UNROLL
  for (int i = 0; i < kPoints; ++i) {
    const int seen = kSeen[i / kFewHalf][i % kFewHalf];
    PYDARKNET_UNROLL
    for (int r = 0; r < seen; ++r) store(m + i * kFewSlots + r * kBlock, sum[i][r]);
  }
}

// For so many tiles that see the points, and the outer one of each half; where there is no kernel for these
// very numbers, slots that hold nothing are multiplied too.
template <Mix kMix, int kTiles>
FewPoints::Kernel few_kernel(int first, int last) {
  constexpr int kSome = kTiles % 2 ? kTiles : kTiles / 2;
  if constexpr (kFewPoints == kFewHalf) {
    return first <= kSome ? few_product<kMix, kTiles, kSome> : few_product<kMix, kTiles, kTiles>;
  } else if (first > kSome) {
    return few_product<kMix, kTiles, kTiles, kTiles>;
  } else {
    return last <= kSome ? few_product<kMix, kTiles, kSome, kSome> : few_product<kMix, kTiles, kSome, kTiles>;
  }
}

template <Mix kMix>
FewPoints::Kernel few_kernel(int tiles, int first, int last) {
  return tiles == 1   ? few_kernel<kMix, 1>(first, last)
         : tiles == 2 ? few_kernel<kMix, 2>(first, last)
         : tiles == 3 ? few_kernel<kMix, 3>(first, last)
                      : few_kernel<kMix, 4>(first, last);
}
inline FewPoints::Kernel few_kernel(Mix mix, int tiles, int first, int last) {
  return mix == Mix::kPlus    ? few_kernel<Mix::kPlus>(tiles, first, last)
         : mix == Mix::kMinus ? few_kernel<Mix::kMinus>(tiles, first, last)
                              : few_kernel<Mix::kOuter>(tiles, first, last);
}

}  // namespace pydarknet::simd
