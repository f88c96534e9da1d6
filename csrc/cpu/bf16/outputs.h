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
      : after_(activation_after(call.activation, call.shape.precision)),
        slope_(after_ ? 1 : rectifier_slope(call.activation)),
        k_(call.shape.k) {}

  void begin(const FloatSums& found) {
    found_ = found;
    filters_ = std::min(kHalfBlock, k_ - found.first_filter);
  }
  const FloatSums& found() const { return found_; }
  int filters() const { return filters_; }  // of the panel, that exist
  float slope() const { return slope_; }    // of a rectifier, that all sums pass

  // Pixels of a tile, activated where they lie, but for the rectifier.
  float* activate(int tile, int pixel, int pixels) const {
    float* const sums = found_.at(tile, pixel, 0);
    if (after_) after_(sums, std::int64_t{pixels} * simd::kSumsPitch);
    return sums;
  }

 private:
  const ActivateFloats after_;
  const float slope_;
  const int k_;
  FloatSums found_{};
  int filters_ = 0;
};

PYDARKNET_INLINE Lanes rectified(const float* sums, float slope) {
  return simd::rectify(simd::load(sums), slope);
}

template <class Rounding>
class WriteHalves {
 public:
  WriteHalves(const Bf16ConvCall& call, Bf16Tensor y) : sums_(call), y_(y), add_(call.tail.add) {}

  unsigned begin(const FloatSums& found) {
    sums_.begin(found);
    plane_ = y_.block(found.image, found.first_filter / kHalfBlock) - y_.data;
    return kPartsOfTile * found.pixel_tiles;
  }
  // Nothing that is stored may change what the loop needs: it is in registers.
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const int tile = part / kPartsOfTile, first = part % kPartsOfTile * kPixelsOfPart;
    const int count = std::min(kPixelsOfPart, sums_.found().pixels - first), filters = sums_.filters();
    if (count <= 0) return;
    const float* from = sums_.activate(tile, first, count);
    const std::int64_t row = plane_ + sums_.found().begin(tile, y_.w) * kHalfBlock;
    const std::uint16_t* const add = add_ ? add_ + row : nullptr;
    std::uint16_t* const to = y_.data + row;
    const float slope = sums_.slope();
    const int* const places = sums_.found().places(tile) + first;
    for (int r = 0; r < count; ++r, from += simd::kSumsPitch) {
      const std::int64_t at = std::int64_t{places[r]} * kHalfBlock;
      Lanes lower = rectified(from, slope), upper = rectified(from + kBlock, slope);
      if (add) {
        lower += simd::from_bf16(simd::load_halves(add + at));
        upper += simd::from_bf16(simd::load_halves(add + at + kBlock));
      }
      Rounding::store(to + at, lower, upper, filters);
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
          (std::int64_t{found.row() / 2} * y_.w + found.column() / 2) * kHalfBlock;
    return kPartsOfTile;
  }
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const int first = part * kPixelsOfPart, count = std::min(kPixelsOfPart, sums_.found().pixels - first);
    const int filters = sums_.filters();
    const float slope = sums_.slope();
    if (count <= 0) return;
    const float *upper = sums_.activate(0, first, count), *lower = sums_.activate(1, first, count);
    std::uint16_t* to = to_ + first / 2 * kHalfBlock;
    for (int r = 0; r < count; r += 2, upper += 2 * simd::kSumsPitch, lower += 2 * simd::kSumsPitch) {
      Rounding::store(to, largest(upper, lower, slope), largest(upper + kBlock, lower + kBlock, slope),
                      filters);
      to += kHalfBlock;
    }
  }

 private:
  // Rectified once: a rectifier keeps the order.
  PYDARKNET_INLINE static Lanes largest(const float* upper, const float* lower, float slope) {
    const Lanes above = simd::larger(simd::load(upper), simd::load(upper + simd::kSumsPitch));
    const Lanes three = simd::larger(above, simd::load(lower));
    return simd::rectify(simd::larger(three, simd::load(lower + simd::kSumsPitch)), slope);
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
    const float* const sums = sums_.activate(tile, first, count);
    const int* const places = found.places(tile) + first;
    for (int j = 0; j < found.filter_tiles; ++j) {
      float* const row = y_.block(found.image, found.filter(j) / kBlock) + found.begin(tile, y_.w) * kBlock;
      for (int r = 0; r < count; ++r) {
        const Lanes v = rectified(sums + r * simd::kSumsPitch + j * kBlock, sums_.slope());
        simd::store(row + std::int64_t{places[r]} * kBlock,
                    simd::first_lanes(v, sums_.filters() - j * kBlock));
      }
    }
  }

 private:
  Activated sums_;
  const Tensor y_;
};

}  // namespace pydarknet::bf16
