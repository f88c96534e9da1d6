// Numbers of sixteen bits, FP16 and BF16, to floats and back, rounded to nearest, ties to even.
#pragma once
#include <cstdint>
#include <cstring>

#include "cpu/simd/vec.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace pydarknet::simd {

// A register's worth of lanes of sixteen bits.
using Halves = std::uint16_t __attribute__((vector_size(kBlock * sizeof(std::uint16_t))));
using Words = std::uint32_t __attribute__((vector_size(kBlock * sizeof(float))));

inline Halves load_halves(const std::uint16_t* from) {
  Halves v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(std::uint16_t* to, Halves v) { std::memcpy(to, &v, sizeof v); }

inline Words bits_of(Lanes v) {
  Words bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}
inline Lanes with_bits(Words bits) {
  Lanes v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

inline Lanes from_bf16(Halves v) { return with_bits(__builtin_convertvector(v, Words) << 16); }

// NaN stays NaN: rounding could carry its digits into the sign.
inline Halves to_bf16(Lanes v) {
  const Words bits = bits_of(v), odd = (bits >> 16) & 1;
  const Words nan = (bits & 0x7fffffff) > 0x7f800000;
  return __builtin_convertvector((nan ? bits | 0x400000 : bits + 0x7fff + odd) >> 16, Halves);
}

// Words of two BF16: one in the lower half, one in the upper.
inline Lanes paired(Lanes lower, Lanes upper) {
  return with_bits(__builtin_convertvector(to_bf16(lower), Words) |
                   __builtin_convertvector(to_bf16(upper), Words) << 16);
}

inline Lanes from_fp16(Halves v) {
#if defined(__AVX512F__)
  __m256i halves;
  std::memcpy(&halves, &v, sizeof v);
  // Not _mm512_cvtph_ps, of whose unused operand GCC 12 warns.
  return reinterpret_cast<Lanes>(_mm512_maskz_cvtph_ps(0xffff, halves));
#elif defined(__F16C__)
  __m128i halves;
  std::memcpy(&halves, &v, sizeof v);
  return reinterpret_cast<Lanes>(_mm256_cvtph_ps(halves));
#else
  // The exponent's excess is 15 there, 127 here: 2^112 between them, also for numbers without a leading one.
  const Words wide = __builtin_convertvector(v, Words), digits = (wide & 0x7fff) << 13;
  const Words finite = bits_of(with_bits(digits) * 0x1p112f);
  return with_bits((digits >= 0x0f800000 ? digits | 0x7f800000 : finite) | (wide & 0x8000) << 16);
#endif
}

// From 65520 on it is infinity.
inline Halves to_fp16(Lanes v) {
  const Words bits = bits_of(v), size = bits & 0x7fffffff, odd = (size >> 13) & 1;
  const Words normal = (size - (112u << 23) + 0xfff + odd) >> 13;
  // Added to 1/2, a number below 2^-14 has its last digit where the sum has: the addition rounds.
  const Words small = bits_of(with_bits(size) + 0.5f) - 0x3f000000;
  const Words large = size > 0x7f800000 ? Words{} + 0x7e00 : Words{} + 0x7c00;
  const Words found = size >= 0x47800000 ? large : size < 0x38800000 ? small : normal;
  return __builtin_convertvector(found | (bits & 0x80000000) >> 16, Halves);
}

}  // namespace pydarknet::simd
