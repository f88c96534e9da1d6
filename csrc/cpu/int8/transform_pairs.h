// The transform of input of F(2x2, 3x3) in 8 bits for AVX-512: two tiles that lie side by side at once.
#pragma once
#if defined(__AVX512BW__)
#include <immintrin.h>

#include "cpu/int8/transform.h"

namespace pydarknet::int8 {

// Masks of all: GCC 12 warns of what its intrinsics without one leave undefined.

// Two pixels side by side, 16 channels of each in 16 bits, transformed along the columns.
struct PixelPair {
  __m512i points[kTileInputs];

  PYDARKNET_INLINE PixelPair(const std::uint8_t* from, std::ptrdiff_t row) {
    __m512i d[kTileInputs];
    PYDARKNET_UNROLL
    for (int i = 0; i < kTileInputs; ++i) {
      d[i] = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * row)));
    }
    points[0] = _mm512_sub_epi16(d[0], d[2]);
    points[1] = _mm512_add_epi16(d[1], d[2]);
    points[2] = _mm512_sub_epi16(d[2], d[1]);
    points[3] = _mm512_sub_epi16(d[1], d[3]);
  }
};

// Where the first plane of two tiles lies. The second is written first: where there is none it is the first.
struct PairPlaces {
  std::uint8_t *first, *second;
  std::ptrdiff_t plane_step;

  // Quarters of v are the first tile's bytes of plane a, the second one's of plane b, and so on.
  template <int kQuarter>
  PYDARKNET_INLINE void store(__m512i v, std::uint8_t* tile, int plane) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(tile + plane * plane_step),
                     _mm512_maskz_extracti32x4_epi32(0xff, v, kQuarter));
  }
};

// Bytes around kMiddle of a and b, 16 bits each; quarters are those of a's halves, then of b's, in turns.
PYDARKNET_INLINE __m512i pair_bytes(__m512i a, __m512i b) {
  const __m512i packed = _mm512_maskz_permutex_epi64(0xff, _mm512_packs_epi16(a, b), 0xd8);
  return _mm512_xor_si512(packed, _mm512_set1_epi8(static_cast<char>(kMiddle)));
}

// One row of points of two tiles, from the pixels of both: the first two, the next two, the last two.
template <int kRow>
PYDARKNET_INLINE void transform_pair_row(__m512i a, __m512i b, __m512i c, int zero, const PairPlaces& to) {
  constexpr int kFirst = kRow * kTileInputs;
  const auto scale = [](__m512i v, int point) __attribute__((always_inline)) {
    return _mm512_mulhrs_epi16(v, _mm512_set1_epi16(static_cast<short>(kPerStep[sums_of(point) == 1])));
  };
  const __m512i d1 = _mm512_maskz_shuffle_i64x2(0xff, a, b, 0xee),
                d2 = _mm512_maskz_shuffle_i64x2(0xff, b, c, 0x44);
  const __m512i ends =
      pair_bytes(scale(_mm512_sub_epi16(a, b), kFirst), scale(_mm512_sub_epi16(b, c), kFirst));
  __m512i sum = _mm512_add_epi16(d1, d2);
  if constexpr (kFirst + 1 == kSumPoint) {
    sum = _mm512_sub_epi16(sum, _mm512_set1_epi16(static_cast<short>(4 * zero)));
    const __m512i rest = _mm512_and_si512(sum, _mm512_set1_epi16(7));
    const __m512i bytes = _mm512_maskz_permutex_epi64(0xff, _mm512_packs_epi16(rest, rest), 0xd8);
    to.store<2>(bytes, to.second, kRestPlane);
    to.store<0>(bytes, to.first, kRestPlane);
    sum = _mm512_srai_epi16(sum, 3);
  } else {
    sum = scale(sum, kFirst + 1);
  }
  const __m512i middle = pair_bytes(sum, scale(_mm512_sub_epi16(d2, d1), kFirst + 2));
  to.store<1>(ends, to.second, plane_of(kFirst));
  to.store<2>(middle, to.second, plane_of(kFirst + 1));
  to.store<3>(middle, to.second, plane_of(kFirst + 2));
  to.store<3>(ends, to.second, plane_of(kFirst + 3));
  to.store<0>(ends, to.first, plane_of(kFirst));
  to.store<0>(middle, to.first, plane_of(kFirst + 1));
  to.store<1>(middle, to.first, plane_of(kFirst + 2));
  to.store<2>(ends, to.first, plane_of(kFirst + 3));
}

// A row of tiles, whose places `next` gives.
template <class Next>
PYDARKNET_INLINE void transform_pairs(const std::uint8_t* from, std::ptrdiff_t row, int zero, int tiles,
                                      std::ptrdiff_t plane_step, Next& next) {
  PixelPair a(from, row);
  for (; tiles > 0; tiles -= 2) {
    const PixelPair b(from += 2 * kByteBlock, row), c(from += 2 * kByteBlock, row);
    std::uint8_t* first = next();
    const PairPlaces to{first, tiles > 1 ? next() : first, plane_step};
    transform_pair_row<0>(a.points[0], b.points[0], c.points[0], zero, to);
    transform_pair_row<1>(a.points[1], b.points[1], c.points[1], zero, to);
    transform_pair_row<2>(a.points[2], b.points[2], c.points[2], zero, to);
    transform_pair_row<3>(a.points[3], b.points[3], c.points[3], zero, to);
    a = c;
  }
}

}  // namespace pydarknet::int8
#endif
