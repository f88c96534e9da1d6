// What becomes of the sums of a convolution of BF16: activated, added to or pooled in float32, rounded once.
#pragma once
#include <immintrin.h>

#include <algorithm>

#include "cpu/lib/activate.h"
#include "cpu/matrices/convolve.h"
#include "cpu/simd/halves.h"
#include "ops/cpu/bf16.h"
#include "shared/activation.h"

namespace pydarknet::bf16 {

using simd::Lanes;
using FloatSums = MatrixSums<float>;

// 32 lanes of BF16, of two registers of floats; those from `count` on are 0.
struct RoundedByWords {
  // Each number's BF16 in the lower half of a word.
  static simd::Words words(Lanes v) { return __builtin_convertvector(simd::to_bf16(v), simd::Words); }
  static void store(std::uint16_t* to, Lanes lower, Lanes upper, int count) {
    simd::store(to, simd::to_bf16(simd::first_lanes(lower, count)));
    simd::store(to + kBlock, simd::to_bf16(simd::first_lanes(upper, count - kBlock)));
  }
};
// By the instruction that every processor with AMX has. In assembly, so that the module needs no flags beyond
// those of its instruction set.
struct RoundedInPairs {
  PYDARKNET_INLINE static simd::Words words(Lanes v) {
    __m256i halves;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(halves) : "v"(v));
    return (simd::Words)_mm512_maskz_cvtepu16_epi32(0xffff, halves);
  }
  PYDARKNET_INLINE static void store(std::uint16_t* to, Lanes lower, Lanes upper, int count) {
    __m512i halves;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(lower), "v"(upper));
    const auto lanes = static_cast<__mmask32>(count >= kHalfBlock ? ~0u : (1u << count) - 1);
    _mm512_storeu_si512(to, _mm512_maskz_mov_epi16(lanes, halves));
  }
};

// Each part is up to four pixels and all filters of a panel.
inline constexpr int kPixelsOfPart = 4;
inline constexpr unsigned kPartsOfTile = simd::kMatrixRows / kPixelsOfPart;

// The sums of a product, and what activates them.
class Activated {
 public:
  explicit Activated(const Bf16ConvCall& call)
      : slope_(rectifier_slope(call.activation)),
        after_(activation_after(call.activation, call.shape.precision)),
        k_(call.shape.k) {}

  void begin(const FloatSums& found) {
    found_ = found;
    filters_ = std::min(kHalfBlock, k_ - found.first_filter);
  }
  const FloatSums& found() const { return found_; }
  int filters() const { return filters_; }  // of the panel, that exist

  // Pixels of a tile, whose sums are activated where they lie; then lanes() only loads them.
  void activate(int tile, int pixel, int pixels) const {
    if (after_) after_(sums(tile, pixel), std::int64_t{pixels} * simd::kSumsPitch);
  }
  PYDARKNET_INLINE Lanes lanes(int tile, int pixel, int filter_tile) const {
    const Lanes v = simd::load(sums(tile, pixel) + filter_tile * kBlock);
    return after_ ? v : simd::rectify(v, slope_);
  }

 private:
  float* sums(int tile, int pixel) const { return found_.at(tile, pixel, 0); }

  const float slope_;
  const ActivateFloats after_;
  const int k_;
  FloatSums found_{};
  int filters_ = 0;
};

template <class Rounding>
class WriteHalves {
 public:
  WriteHalves(const Bf16ConvCall& call, Bf16Tensor y) : sums_(call), y_(y), add_(call.tail.add) {}

  unsigned begin(const FloatSums& found) {
    sums_.begin(found);
    plane_ = y_.block(found.image, found.first_filter / kHalfBlock) - y_.data;
    return kPartsOfTile * found.pixel_tiles;
  }
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const int tile = part / kPartsOfTile, first = part % kPartsOfTile * kPixelsOfPart;
    const int count = std::min(kPixelsOfPart, sums_.found().pixels - first);
    if (count <= 0) return;
    sums_.activate(tile, first, count);
    for (int r = first; r < first + count; ++r) {
      const std::int64_t at = plane_ + sums_.found().place[tile][r] * kHalfBlock;
      Lanes lower = sums_.lanes(tile, r, 0), upper = sums_.lanes(tile, r, 1);
      if (add_) {
        lower += simd::from_bf16(simd::load_halves(add_ + at));
        upper += simd::from_bf16(simd::load_halves(add_ + at + kBlock));
      }
      Rounding::store(y_.data + at, lower, upper, sums_.filters());
    }
  }

 private:
  Activated sums_;
  const Bf16Tensor y_;
  const std::uint16_t* const add_;
  std::int64_t plane_ = 0;  // of y
};

// The largest of each window, which is two pixels of the first tile and those below.
template <class Rounding>
class WriteLargest {
 public:
  WriteLargest(const Bf16ConvCall& call, Bf16Tensor y) : sums_(call), y_(y) {}

  unsigned begin(const FloatSums& found) {
    sums_.begin(found);
    to_ = y_.block(found.image, found.first_filter / kHalfBlock) +
          (std::int64_t{found.row / 2} * y_.w + found.column / 2) * kHalfBlock;
    return kPartsOfTile;
  }
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const int first = part * kPixelsOfPart, count = std::min(kPixelsOfPart, sums_.found().pixels - first);
    if (count <= 0) return;
    for (int tile = 0; tile < simd::kPixelTiles; ++tile) sums_.activate(tile, first, count);
    for (int r = first; r < first + count; r += 2) {
      Rounding::store(to_ + r / 2 * kHalfBlock, largest(r, 0), largest(r, 1), sums_.filters());
    }
  }

 private:
  PYDARKNET_INLINE Lanes largest(int pixel, int filter_tile) const {
    const auto at = [&](int tile, int i) { return sums_.lanes(tile, pixel + i, filter_tile); };
    return simd::larger(simd::larger(simd::larger(at(0, 0), at(0, 1)), at(1, 0)), at(1, 1));
  }

  Activated sums_;
  const Bf16Tensor y_;
  std::uint16_t* to_ = nullptr;
};

class WriteFloats {
 public:
  WriteFloats(const Bf16ConvCall& call, Tensor y) : sums_(call), y_(y) {}

  unsigned begin(const FloatSums& found) {
    sums_.begin(found);
    return kPartsOfTile * found.pixel_tiles;
  }
  void operator()(unsigned part) const {
    const FloatSums& found = sums_.found();
    const int tile = part / kPartsOfTile, first = part % kPartsOfTile * kPixelsOfPart;
    const int count = std::min(kPixelsOfPart, found.pixels - first);
    if (count <= 0) return;
    sums_.activate(tile, first, count);
    for (int j = 0; j < found.filter_tiles; ++j) {
      float* const plane = y_.block(found.image, found.filter(j) / kBlock);
      for (int r = first; r < first + count; ++r) {
        simd::store(plane + found.place[tile][r] * kBlock,
                    simd::first_lanes(sums_.lanes(tile, r, j), sums_.filters() - j * kBlock));
      }
    }
  }

 private:
  Activated sums_;
  const Tensor y_;
};

}  // namespace pydarknet::bf16
