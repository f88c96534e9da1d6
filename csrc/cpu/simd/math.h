// Exponentials on vector registers. Relative errors are measured in tests/ops/test_activation.py: under 2e-7.
#pragma once
#include <cstring>

#include "cpu/simd/vec.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace pydarknet::simd {

// A NaN in `v` stays.
#if defined(__AVX512F__)
inline Lanes at_least(Lanes v, float bound) { return _mm512_maskz_max_ps(0xffff, splat(bound), v); }
inline Lanes at_most(Lanes v, float bound) { return _mm512_maskz_min_ps(0xffff, splat(bound), v); }
#elif defined(__AVX2__)
inline Lanes at_least(Lanes v, float bound) { return _mm256_max_ps(splat(bound), v); }
inline Lanes at_most(Lanes v, float bound) { return _mm256_min_ps(splat(bound), v); }
#else
inline Lanes at_least(Lanes v, float bound) { return v < bound ? splat(bound) : v; }
inline Lanes at_most(Lanes v, float bound) { return v > bound ? splat(bound) : v; }
#endif

// 2^n for n in [-126, 127], by writing the exponent bits.
inline Lanes power_of_two(IntLanes n) {
  const IntLanes bits = (n + 127) << 23;
  Lanes v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

// exp(x) = 2^n * (1 + tail): n the nearest integer to x / ln 2, tail = expm1 of the remainder.
struct ExpParts {
  Lanes n;
  IntLanes whole;  // n again
  Lanes tail;
};

inline ExpParts exp_parts(Lanes x) {
  // Adding 1.5 * 2^23 rounds to an integer, which the low mantissa bits then hold; needs |x| < 2^21.
  constexpr float kRounder = 12582912.0f;
  const Lanes shifted = x * 1.44269504088896341f + kRounder, n = shifted - kRounder;
  // ln 2 in two parts, the first with few enough bits that n times it is exact (Cody and Waite).
  const Lanes r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  // Minimax polynomial of (expm1(r) - r) / r^2 on |r| <= ln(2) / 2 (Cephes). In pairs (Estrin): a core, which
  // sees only so many instructions ahead, waits for chains of them.
  const Lanes square = r * r, low = r * 1.6666665459e-1f + 5.0000001201e-1f,
              middle = r * 8.3334519073e-3f + 4.1665795894e-2f,
              high = r * 1.9875691500e-4f + 1.3981999507e-3f;
  const Lanes p = (high * square + middle) * square + low;
  IntLanes bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  return {n, bits - 0x4b400000, p * square + r};
}

// Below this e^x is 0: a core takes ten times as long for numbers without exponent bits of their own. (A
// little above, x e^x still has all its digits.)
inline constexpr float kLeastExponent = -90.0f;

// e^x, and e^top above top; 0 and infinity at the far ends, NaN for NaN.
#if defined(__AVX512F__)
inline __mmask16 not_below_least(Lanes x) {
  return _mm512_cmp_ps_mask(x, splat(kLeastExponent), _CMP_NLT_UQ);
}

// 2^n * 2^r with n a multiple of 1/16, whose fraction picks a number: 2^r - 1 is short, and so is the chain
// of instructions that a core waits for.
inline Lanes exp(Lanes x, float top = 89.0f) {
  alignas(64) static constexpr float kSixteenths[16] = {
      1.0f,          1.0442737824f, 1.0905077327f, 1.1387886348f, 1.1892071150f, 1.2418578121f,
      1.2968395547f, 1.3542555469f, 1.4142135624f, 1.4768261459f, 1.5422108254f, 1.6104903319f,
      1.6817928305f, 1.7562521604f, 1.8340080864f, 1.9152065614f};
  // Adding 1.5 * 2^19 rounds to sixteenths, which the low mantissa bits then count.
  constexpr float kRounder = 786432.0f, kLog2e = 1.44269504088896341f, kRest = 1.92596299e-8f;
  const Lanes v = at_most(x, top), log2e = splat(kLog2e);
  const Lanes shifted = _mm512_fmadd_ps(v, log2e, splat(kRounder)), n = shifted - kRounder;
  // What is left is small beside the product, which must not be rounded on its own.
  const Lanes r = _mm512_fmadd_ps(v, splat(kRest), _mm512_fmsub_ps(v, log2e, n));
  __m512i bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const Lanes sixteenths = _mm512_maskz_permutexvar_ps(0xffff, bits, _mm512_load_ps(kSixteenths));
  const Lanes slope = (r * 5.5504109e-2f + 2.4022651e-1f) * r + 6.9314718e-1f;  // (2^r - 1) / r by Taylor
  return _mm512_maskz_scalef_ps(not_below_least(x), (sixteenths * r) * slope + sixteenths, n);
}
#else
inline Lanes exp(Lanes x, float top = 89.0f) {
  const ExpParts e = exp_parts(at_most(at_least(x, kLeastExponent), top));
  // Two factors, as 2^128 and numbers below 2^-126 have no exponent bits of their own.
  const IntLanes half = e.whole >> 1;
  const Lanes v = (e.tail + 1.0f) * power_of_two(half) * power_of_two(e.whole - half);
  return x < kLeastExponent ? Lanes{} : v;
}
#endif

// The same to a few units of 2^-14, for what BF16 rounds anyway; e^top above top.
#if defined(__AVX512F__)
inline Lanes coarse_exp(Lanes x, float top) {
  const Lanes v = at_most(x, top) * 1.44269504088896341f;
  // A minimax polynomial of 2^r on [0, 1), r what is above an integer: what scalef takes of v.
  const Lanes r = _mm512_maskz_reduce_ps(0xffff, v, _MM_FROUND_TO_NEG_INF);
  const Lanes p = ((r * 7.8024521e-2f + 2.2606716e-1f) * r + 6.9583354e-1f) * r + 9.9992522e-1f;
  return _mm512_maskz_scalef_ps(not_below_least(x), p, v);
}
#else
inline Lanes coarse_exp(Lanes x, float top) { return exp(x, top); }
#endif

// e^x - 1 without cancellation around 0, for x clamped to [-87, 87].
inline Lanes expm1(Lanes x) {
  const ExpParts e = exp_parts(at_most(at_least(x, -87.0f), 87.0f));
  const Lanes scale = power_of_two(e.whole);
  return scale * e.tail + (scale - 1.0f);
}

inline Lanes logistic(Lanes x) { return 1.0f / (1.0f + exp(-x)); }

// (e^2x - 1) / (e^2x + 1), written with expm1 so that small x keep their relative precision.
inline Lanes tanh(Lanes x) {
  const Lanes e = expm1(2.0f * x);
  return e / (e + 2.0f);
}

// y[i] = f(x[i]) for `count` floats, f from Lanes to Lanes. The tail runs f on whole lanes padded with zeros.
template <class F>
inline void transform(const float* x, float* y, std::int64_t count, F f) {
  std::int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) store(y + i, f(load(x + i)));
  if (i < count) {
    const std::size_t bytes = static_cast<std::size_t>(count - i) * sizeof(float);
    Lanes tail{};
    std::memcpy(&tail, x + i, bytes);
    tail = f(tail);
    std::memcpy(y + i, &tail, bytes);
  }
}

}  // namespace pydarknet::simd
