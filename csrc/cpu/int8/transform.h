// The transforms of F(2x2, 3x3) in 8 bits. A point is one of 4 x 4; an axis of it is a difference of two
// pixels, or, at 1, their sum.
#pragma once
#include "cpu/int8/kernel.h"
#include "ops/conv.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace pydarknet::int8 {

inline constexpr int kTileOutputs = 2, kTileInputs = 4;  // of an axis
inline constexpr int kPoints = kTileInputs * kTileInputs, kOutputs = kTileOutputs * kTileOutputs;
inline constexpr int kMiddle = 128;  // the byte of 0 in transformed input

// How far apart bytes of transformed input are, in bytes of x, by how many of a point's axes are sums; larger
// values come rarely out of range. And 2^15 over them. The sum of both axes, where a picture is the same all
// over and nothing else is left of it, keeps all its 11 bits, in two planes: an eighth of it, and the rest.
inline constexpr float kSteps[] = {2.0f, 2.5f, 4.0f};
inline constexpr int kPerStep[] = {16384, 13107};
inline constexpr int kPlanes = kPoints + 1, kSumPoint = kTileInputs + 1, kRestPlane = kSumPoint + 1;

constexpr int sums_of(int point) { return (point / kTileInputs == 1) + (point % kTileInputs == 1); }
constexpr int plane_of(int point) { return point + (point > kSumPoint); }
constexpr int point_of(int plane) { return plane - (plane > kSumPoint); }

// Of one filter: weights (c, 3, 3) to [point][channel]. What a product of points, summed over them, is in
// products of weights and bytes.
float transform_filter(const std::int8_t* weights, int c, int channels, std::int8_t* points);

// What the outputs of a tile get from a number at each point, as from sums.
void outputs_of_points(const std::int32_t (&points)[kPoints], std::int32_t (&out)[kOutputs]);

// Some rows of one block of channels, `zero` around the image; `row` bytes each.
void pad_rows(ConstBytes x, int image, int block, int first, int rows, int pad, int zero, std::uint8_t* to,
              std::ptrdiff_t row);

using Shorts = std::int16_t __attribute__((vector_size(2 * kByteBlock)));
using Sixteen = std::uint8_t __attribute__((vector_size(kByteBlock)));

PYDARKNET_INLINE void load_shorts(const std::uint8_t* from, Shorts& to) {
#if defined(__AVX2__)
  to = (Shorts)_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i*)from));
#else
  Sixteen bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  to = __builtin_convertvector(bytes, Shorts);
#endif
}

// v = (v * factor + 2^14) >> 15.
PYDARKNET_INLINE void scale_shorts(Shorts& v, int factor) {
#if defined(__AVX2__)
  v = (Shorts)_mm256_mulhrs_epi16((__m256i)v, _mm256_set1_epi16(static_cast<short>(factor)));
#else
  for (int i = 0; i < kByteBlock; ++i) v[i] = static_cast<std::int16_t>((v[i] * factor + (1 << 14)) >> 15);
#endif
}

PYDARKNET_INLINE void store_elements(std::uint8_t* to, const Shorts& v) {
  const Sixteen bytes = __builtin_convertvector(v, Sixteen);
  std::memcpy(to, &bytes, sizeof bytes);
}
PYDARKNET_INLINE void store_elements(std::int16_t* to, const Shorts& v) { std::memcpy(to, &v, sizeof v); }

// d0 - d2, d1 + d2, d2 - d1, d1 - d3.
PYDARKNET_INLINE void transform_four(const Shorts& d0, const Shorts& d1, const Shorts& d2, const Shorts& d3,
                                     Shorts (&to)[kTileInputs]) {
  to[0] = d0 - d2;
  to[1] = d1 + d2;
  to[2] = d2 - d1;
  to[3] = d1 - d3;
}

// Within a byte, around kMiddle.
PYDARKNET_INLINE void to_bytes(Shorts& v) {
  const Shorts least = Shorts{} - std::int16_t{kMiddle}, most = Shorts{} + std::int16_t{kMiddle - 1};
  v = v > least ? v : least;
  v = (v < most ? v : most) - least;
}

// The tile whose first pixel is `from`, to each plane.
template <class Element>
PYDARKNET_INLINE void transform_tile(const std::uint8_t* from, std::ptrdiff_t row, int zero, Element* to,
                                     std::ptrdiff_t plane_step) {
  Shorts rows[kTileInputs][kTileInputs];
  PYDARKNET_UNROLL
  for (int i = 0; i < kTileInputs; ++i) {
    Shorts d[kTileInputs];
    PYDARKNET_UNROLL
    for (int j = 0; j < kTileInputs; ++j) load_shorts(from + i * row + j * kByteBlock, d[j]);
    transform_four(d[0], d[1], d[2], d[3], rows[i]);
  }
  PYDARKNET_UNROLL
  for (int j = 0; j < kTileInputs; ++j) {
    Shorts column[kTileInputs];
    transform_four(rows[0][j], rows[1][j], rows[2][j], rows[3][j], column);
    PYDARKNET_UNROLL
    for (int i = 0; i < kTileInputs; ++i) {
      const int point = i * kTileInputs + j;
      if (point == kSumPoint) {
        column[i] -= static_cast<std::int16_t>(4 * zero);
        store_elements(to + kRestPlane * plane_step, column[i] & std::int16_t{7});
        column[i] >>= 3;
      } else {
        scale_shorts(column[i], kPerStep[sums_of(point) == 1]);
      }
      to_bytes(column[i]);
      store_elements(to + plane_of(point) * plane_step, column[i]);
    }
  }
}

}  // namespace pydarknet::int8
