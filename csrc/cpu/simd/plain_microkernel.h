// The micro-kernel of a network's first layer: rows of a plain image times a panel of filters.
//
//   y[j][r] = act(bias[j] + sum over segments s, t < s.length:  x[s.offset + r + t] * w[s, t][j])
//
// The taps of a segment lie side by side, so a pixel's value meets each of them: it is loaded once for up to
// kTapsTogether of them. A core does one and a half loads in the time of two multiply-adds, and would wait
// for them.
#pragma once
#include <algorithm>

#include "cpu/simd/microkernel.h"

namespace pydarknet::simd {

struct PlainProduct {
  const float* x;                        // first pixel
  std::ptrdiff_t row;                    // floats to the row below, where pixels are pooled
  const Segment* segments;               //
  int count;                             // of segments
  const float* weights;                  // [segment][tap][j * kBlock]
  std::ptrdiff_t tap;                    // floats from one tap to the next
  const float* bias;                     // j * kBlock floats
  float* y;                              // first pixel of the first block of filters
  std::ptrdiff_t y_block;                // floats from one block of filters to the next
  float slope;                           // of the rectifier at the end; 1 keeps the sums
  void (*finish)(float*, std::int64_t);  // after it, of so many consecutive floats; nullptr: nothing
};

// Pixels of a call, so that their sums, the weights of so many taps, and a pixel fill the registers: of a row
// and two blocks of filters, and of each of two rows, that are pooled, and one block.
inline constexpr int kTapsTogether = kRegisters == 32 ? 3 : 2;
inline constexpr int kPlainPixels = kRegisters == 32 ? 8 : 5;
inline constexpr int kPooledPixels = kRegisters == 32 ? 8 : 6;

// The compiler knows nothing of where it points: it would carry pixels from one step to the next through
// memory.
inline const float* opaque(const float* p) {
  __asm__("" : "+r"(p));
  return p;
}

// Of rows of pixels and blocks of filters.
template <int kRows, int kBlocks, int kPixels>
using PlainSums = Lanes[kRows][kBlocks][kPixels];

template <int kTaps, int kRows, int kBlocks, int kPixels>
inline void add_taps(const float* x, std::ptrdiff_t row, const float* weights, std::ptrdiff_t tap,
                     PlainSums<kRows, kBlocks, kPixels>& sum) {
  x = opaque(x);
  Lanes taps[kTaps][kBlocks];
  PYDARKNET_UNROLL
  for (int t = 0; t < kTaps; ++t) {
    PYDARKNET_UNROLL
    for (int j = 0; j < kBlocks; ++j) taps[t][j] = load(weights + t * tap + j * kBlock);
  }
  PYDARKNET_UNROLL
  for (int at = 0; at < kPixels + kTaps - 1; ++at) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kRows; ++i) {
      const Lanes pixel = splat(x[i * row + at]);
      PYDARKNET_UNROLL
      for (int t = 0; t < kTaps; ++t) {
        if (at < t || at - t >= kPixels) continue;
        PYDARKNET_UNROLL
        for (int j = 0; j < kBlocks; ++j) sum[i][j][at - t] += pixel * taps[t][j];
      }
    }
  }
}

template <int kRows, int kBlocks, int kPixels>
inline void plain_sums(const PlainProduct& p, PlainSums<kRows, kBlocks, kPixels>& sum) {
  PYDARKNET_UNROLL
  for (int n = 0; n < kRows * kBlocks * kPixels; ++n) {
    const int j = n / kPixels % kBlocks;
    sum[n / kPixels / kBlocks][j][n % kPixels] = load(p.bias + j * kBlock);
  }
  const float* weights = p.weights;
  const std::ptrdiff_t row = p.row, tap = p.tap;
  for (int s = 0; s < p.count; ++s) {
    const float* x = p.x + p.segments[s].offset;
    int left = p.segments[s].length;
    for (; left >= kTapsTogether; left -= kTapsTogether, x += kTapsTogether, weights += kTapsTogether * tap) {
      add_taps<kTapsTogether>(x, row, weights, tap, sum);
    }
    if (kTapsTogether > 2 && left == 2) add_taps<2>(x, row, weights, tap, sum);
    if (left == 1) add_taps<1>(x, row, weights, tap, sum);
    weights += left * tap;
  }
  const float slope = p.slope;
  PYDARKNET_UNROLL
  for (int n = 0; n < kRows * kBlocks * kPixels; ++n) {
    Lanes& v = sum[n / kPixels / kBlocks][n / kPixels % kBlocks][n % kPixels];
    v = rectify(v, slope);
  }
}

// So many pixels of a row.
template <int kBlocks, int kPixels>
void plain_pixels(const PlainProduct& p) {
  PlainSums<1, kBlocks, kPixels> sum;
  plain_sums<1, kBlocks, kPixels>(p, sum);
  PYDARKNET_UNROLL
  for (int j = 0; j < kBlocks; ++j) {
    PYDARKNET_UNROLL
    for (int r = 0; r < kPixels; ++r) store(p.y + j * p.y_block + r * kBlock, sum[0][j][r]);
  }
  if (!p.finish) return;
  for (int j = 0; j < kBlocks; ++j) p.finish(p.y + j * p.y_block, kPixels * kBlock);
}

// Of one block, from two rows of so many pixels.
template <int kPixels>
inline void store_maxima(const Lanes (&above)[kPixels], const Lanes (&below)[kPixels], float* y) {
  PYDARKNET_UNROLL
  for (int r = 0; r < kPixels; r += 2) {
    store(y + r / 2 * kBlock, largest_of(above[r], above[r + 1], below[r], below[r + 1]));
  }
}

// The maxima of 2 x 2 pixels, of so many pixels of two rows and one block.
template <int kPixels>
void plain_maxima(const PlainProduct& p) {
  PlainSums<2, 1, kPixels> sum;
  plain_sums<2, 1, kPixels>(p, sum);
  if (!p.finish) return store_maxima(sum[0][0], sum[1][0], p.y);
  Lanes finished[2][kPixels];  // only a copy has an address, so that sums stay in registers
  PYDARKNET_UNROLL
  for (int n = 0; n < 2 * kPixels; ++n) finished[n / kPixels][n % kPixels] = sum[n / kPixels][0][n % kPixels];
  p.finish(reinterpret_cast<float*>(finished), 2 * kPixels * kBlock);
  store_maxima(finished[0], finished[1], p.y);
}

// A row of `pixels` pixels, or the maxima of two, kTogether at a time: the last time begins early, if it has
// to, and computes some again. In a narrow image `few` does kShrink of them.
template <int kTogether, int kShrink, class Some, class Few>
inline void plain_runs(PlainProduct p, int pixels, Some&& some, Few&& few) {
  const float* const x = p.x;
  float* const y = p.y;
  const int step = pixels < kTogether ? kShrink : kTogether;
  for (int first = 0; first < pixels; first += step) {
    const int at = std::min(first, pixels - step);
    p.x = x + at;
    p.y = y + std::ptrdiff_t{at / kShrink} * kBlock;
    step == kTogether ? some(p) : few(p);
  }
}

}  // namespace pydarknet::simd
