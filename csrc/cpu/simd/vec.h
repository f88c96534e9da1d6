// One vector register of floats, as wide as a channel block, in the compiler's portable vector type.
#pragma once
#include <cfloat>
#include <cstring>

#include "ops/tensor.h"

// Unrolls the next loop whole, so that small arrays of vectors become registers.
#if defined(__clang__)
#define PYDARKNET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PYDARKNET_UNROLL _Pragma("GCC unroll 64")
#endif

namespace pydarknet::simd {

// One register of floats, and one of integers.
using Lanes = float __attribute__((vector_size(kBlock * sizeof(float))));
using IntLanes = std::int32_t __attribute__((vector_size(kBlock * sizeof(float))));

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int kRegisters = 32;
#else
inline constexpr int kRegisters = 16;
#endif

// Any alignment; whole cache lines are fastest when arrays start at a multiple of 64 bytes.
inline Lanes load(const float* from) {
  Lanes v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store(float* to, Lanes v) { std::memcpy(to, &v, sizeof v); }
// x - 0 is x for every x, so this is a bare broadcast; 0 + x would be an addition (it turns -0 into 0).
inline Lanes splat(float value) { return value - Lanes{}; }

// The larger lane by lane; b where one of them is NaN.
inline Lanes max(Lanes a, Lanes b) { return a > b ? a : b; }

// Max-pooling's maximum, which keeps `best` where v is NaN.
inline Lanes larger(Lanes best, Lanes v) { return v > best ? v : best; }
// That of four pixels: -FLT_MAX where all are NaN.
inline Lanes largest_of(Lanes a, Lanes b, Lanes c, Lanes d) {
  return larger(larger(larger(larger(splat(-FLT_MAX), a), b), c), d);
}

// x for x > 0, slope * x below, for slope in [0, 1]: linear (1), ReLU (0), leaky (0.1). NaN stays NaN.
inline Lanes rectify(Lanes x, float slope) { return max(x * slope, x); }

// The first `count` lanes of v, zeros after them, whatever v holds there.
inline Lanes first_lanes(Lanes v, int count) {
  IntLanes index;
  for (int i = 0; i < kBlock; ++i) index[i] = i;
  IntLanes bits;
  std::memcpy(&bits, &v, sizeof bits);
  bits &= index < count;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

// What was loaded before is loaded again behind it, instead of kept: a load costs less than keeping one where
// registers run out.
inline void forget_loads() { __asm__ volatile("" ::: "memory"); }

// Ask for the cache line of `p` in the first-level, and in the second-level cache.
inline void prefetch_l1(const float* p) { __builtin_prefetch(p, 0, 3); }
inline void prefetch_l2(const float* p) { __builtin_prefetch(p, 0, 2); }
// The latter of a line that will be written.
inline void prefetch_to_write(const float* p) { __builtin_prefetch(p, 1, 2); }

}  // namespace pydarknet::simd
