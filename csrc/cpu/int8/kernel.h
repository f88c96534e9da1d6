// The micro-kernel of convolution in 8 bits: pixels times weights, summed exactly over a list of taps.
//
// A word is the 4 bytes that a body multiplies at once: of each pixel one word is broadcast, of the weights
// there is a word for each filter. Sums live in registers until they are requantised.
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>

#include "cpu/simd/vec.h"
#include "ops/cpu/int8.h"

namespace pydarknet::int8 {

using simd::IntLanes;
using simd::Lanes;
using ByteLanes = std::uint8_t __attribute__((vector_size(kBlock)));

// Registers of one block of filters; blocks, and pixels, that one call computes at most.
inline constexpr int kVectors = kByteBlock / kBlock;
inline constexpr int kPanelBlocks = kVectors == 1 ? 2 : 1;
inline constexpr int kRows = (simd::kRegisters - 4) / (kPanelBlocks * kVectors);
// Of their maxima over windows of 2 x 2, for so many blocks.
constexpr int pooled_rows(int blocks) { return (simd::kRegisters - 4) / (blocks * kVectors) / 4; }
inline constexpr int kWordBytes = 4;
// Bytes of weights for one word of a pixel.
inline constexpr int kStepBytes = kByteBlock * kWordBytes;

// Of filters.
int panels_of(const ConvShape& shape);

inline IntLanes load_words(const std::uint8_t* from) {
  IntLanes v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline IntLanes splat_word(const std::uint8_t* from) {
  std::int32_t word;
  std::memcpy(&word, from, sizeof word);
  return word - IntLanes{};
}

// The compiler knows nothing of where v comes from: GCC would add to both sides of a comparison, and then
// choose.
PYDARKNET_INLINE void keep_apart([[maybe_unused]] Lanes& v) {
#if defined(__AVX2__)
  __asm__("" : "+v"(v));
#endif
}

// To an integer after rounding, between -zero and 255 - zero, plus zero. Adding 1.5 * 2^23 rounds to the
// nearest, ties to even, and makes the last bits an integer; larger floats, all positive, are larger bits. f
// comes from a comparison, so that no multiplication is fused with the addition.
class Rounding {
 public:
  explicit Rounding(int zero)
      : low_(simd::splat(static_cast<float>(-zero))),
        high_(kShiftBits + 255 - zero - IntLanes{}),
        zero_(zero - kShiftBits - IntLanes{}) {}

  PYDARKNET_INLINE IntLanes operator()(Lanes f) const {
    f = f > low_ ? f : low_;  // also for NaN
    keep_apart(f);
    f += kShift;
    IntLanes bits;
    std::memcpy(&bits, &f, sizeof bits);
    return (bits < high_ ? bits : high_) + zero_;
  }

 private:
  static constexpr float kShift = 12582912.0f;
  static constexpr std::int32_t kShiftBits = 0x4B400000;
  Lanes low_;
  IntLanes high_, zero_;
};
inline IntLanes rounded(Lanes f, int zero) { return Rounding(zero)(f); }
inline void store_bytes(std::uint8_t* to, IntLanes v) {
  const ByteLanes bytes = __builtin_convertvector(v, ByteLanes);
  std::memcpy(to, &bytes, sizeof bytes);
}

struct Product {
  const std::uint8_t* x;          // first pixel
  std::ptrdiff_t x_pixel;         // bytes from one pixel to the next
  std::ptrdiff_t x_below;         // to the row below, if windows are pooled
  const std::ptrdiff_t* offsets;  // of the taps, from a pixel
  int count;                      // of taps
  const std::uint8_t* weights;    // [tap][word][block][filter]
  const std::uint8_t* ahead;      // weights wanted soon
  std::ptrdiff_t ahead_step;      // bytes of them that are asked for at each tap
  Requantisation out;             // of the first filter
  std::uint8_t* y;                // first pixel; nullptr if the result is floats
  std::ptrdiff_t y_block;         // bytes from one block of filters to the next
  float* y_floats;                // in blocks of kBlock
  std::ptrdiff_t y_floats_block;  // floats from one such block to the next
  int y_floats_blocks;            // how many there are
};

// What becomes of the sums of one register of filters.
class Scaling {
 public:
  Scaling(const Requantisation& out, int filter)
      : start_(load_words(reinterpret_cast<const std::uint8_t*>(out.start + filter))),
        scale_(simd::load(out.scale + filter)),
        slope_(simd::splat(out.slope)) {}

  PYDARKNET_INLINE Lanes operator()(IntLanes sum) const {
    const Lanes f = __builtin_convertvector(sum + start_, Lanes) * scale_;
    return simd::max(f * slope_, f);
  }

 private:
  IntLanes start_;
  Lanes scale_, slope_;
};

// Always inlined: sums whose address was passed on would lie in memory all the way. What is read of p is read
// before bytes are written, which might be anything's.
template <int R, int J>
PYDARKNET_INLINE void finish(const Product& p, const IntLanes (&sum)[R][J * kVectors]) {
  const Requantisation out = p.out;
  const Rounding round(out.zero);
  std::uint8_t* const bytes = p.y;
  const std::ptrdiff_t y_block = p.y_block;
  PYDARKNET_UNROLL
  for (int v = 0; v < J * kVectors; ++v) {
    if (bytes) {
      const Scaling scaled(out, v * kBlock);
      std::uint8_t* to = bytes + v / kVectors * y_block + v % kVectors * kBlock;
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) store_bytes(to + r * kByteBlock, round(scaled(sum[r][v])));
    } else if (v < p.y_floats_blocks) {
      const Scaling scaled(out, v * kBlock);
      float* to = p.y_floats + v * p.y_floats_block;
      PYDARKNET_UNROLL
      for (int r = 0; r < R; ++r) simd::store(to + r * kBlock, scaled(sum[r][v]));
    }
  }
}

// The largest sum of each window of 2 x 2; the first half of the pixels lies above the second. What follows
// the sums never falls as they grow, so this is the maximum of the layer's outputs.
template <int R, int V>
inline void pool(const IntLanes (&sum)[R][V], IntLanes (&largest)[R / 4][V]) {
  const auto larger = [](IntLanes a, IntLanes b) { return a > b ? a : b; };
  PYDARKNET_UNROLL
  for (int r = 0; r < R / 4; ++r) {
    PYDARKNET_UNROLL
    for (int v = 0; v < V; ++v) {
      largest[r][v] = larger(larger(sum[2 * r][v], sum[2 * r + 1][v]),
                             larger(sum[R / 2 + 2 * r][v], sum[R / 2 + 2 * r + 1][v]));
    }
  }
}

// Adds the products of `kWords` words of each pixel; the second half of the pixels are from `below` on.
template <class Body, int R, int J, int kWords>
PYDARKNET_INLINE void add_words(IntLanes (&sum)[R][J * kVectors], const std::uint8_t* x,
                                const std::uint8_t* below, std::ptrdiff_t pixel, const std::uint8_t* w) {
  PYDARKNET_UNROLL
  for (int word = 0; word < kWords; ++word, w += J * kStepBytes) {
    IntLanes filters[J * kVectors];
    PYDARKNET_UNROLL
    for (int v = 0; v < J * kVectors; ++v) filters[v] = load_words(w + v * kBlock * kWordBytes);
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) {
      const IntLanes bytes = splat_word((r < R / 2 ? x : below) + r * pixel + word * kWordBytes);
      PYDARKNET_UNROLL
      for (int v = 0; v < J * kVectors; ++v) Body::add(sum[r][v], bytes, filters[v]);
    }
  }
}

// `kWords` words of a pixel at each tap, `kPixel` bytes from one pixel to the next (0: as p says). Pooled,
// half of the R pixels are those of the row below.
template <class Body, int R, int J, int kWords, int kPixel, bool kPooled>
void product(Product& p) {
  IntLanes sum[R][J * kVectors] = {};
  const std::ptrdiff_t pixel = kPixel ? kPixel : p.x_pixel;
  const std::uint8_t *w = p.weights, *ahead = p.ahead;
  for (int tap = 0; tap < p.count; ++tap) {
    const std::uint8_t* x = p.x + p.offsets[tap];
    const std::uint8_t* below = kPooled ? x + p.x_below - R / 2 * pixel : x;
    if constexpr (kWords > 1) {  // an image's weights are few
      __builtin_prefetch(ahead, 0, 2);
      __builtin_prefetch(ahead + 64, 0, 2);
      ahead += p.ahead_step;
    }
    add_words<Body, R, J, kWords>(sum, x, below, pixel, w);
    w += kWords * J * kStepBytes;
  }
  p.ahead = ahead;
  if constexpr (kPooled) {
    IntLanes largest[R / 4][J * kVectors];
    pool(sum, largest);
    finish<R / 4, J>(p, largest);
  } else {
    finish<R, J>(p, sum);
  }
}

using Kernel = void (*)(Product&);

// Kernels for 1 to so many pixels, or windows.
struct Kernels {
  const Kernel* for_pixels;
  int most;
};

template <class Body, int J, int kWords, int kPixel, bool kPooled, std::size_t... I>
Kernels kernels(std::index_sequence<I...>) {
  static constexpr Kernel list[] = {
      &product<Body, (static_cast<int>(I) + 1) * (kPooled ? 4 : 1), J, kWords, kPixel, kPooled>...};
  return {list, static_cast<int>(sizeof...(I))};
}

// Those of `blocks` (1..kPanelBlocks) blocks of filters. Windows are pooled where pixels lie side by side.
template <class Body, int kWords, int kPixel>
Kernels kernels_of(int blocks, bool pooled) {
  if constexpr (kPixel > 0 && pooled_rows(kPanelBlocks) > 0) {
    constexpr std::make_index_sequence<pooled_rows(1)> one;
    constexpr std::make_index_sequence<pooled_rows(kPanelBlocks)> all;
    if (pooled && blocks == 1) return kernels<Body, 1, kWords, kPixel, true>(one);
    if (pooled) return kernels<Body, kPanelBlocks, kWords, kPixel, true>(all);
  }
  constexpr auto rows = std::make_index_sequence<kRows>{};
  if (blocks == 1) return kernels<Body, 1, kWords, kPixel, false>(rows);
  return kernels<Body, kPanelBlocks, kWords, kPixel, false>(rows);
}

// Runs of nearly the same length; `step`: bytes of x from one pixel of y to the next.
inline void row_product(Product& p, int pixels, std::ptrdiff_t step, Kernels kernels) {
  for (int left = (pixels + kernels.most - 1) / kernels.most; left > 0; --left) {
    const int count = (pixels + left - 1) / left;
    kernels.for_pixels[count - 1](p);
    pixels -= count;
    p.x += step * count;
    if (p.y) p.y += std::ptrdiff_t{kByteBlock} * count;
    if (p.y_floats) p.y_floats += std::ptrdiff_t{kBlock} * count;
  }
}

}  // namespace pydarknet::int8
