// CUDA's arithmetic that C++ spells differently or lacks. The rest of the mathematics is <math.h>'s.
#pragma once
#include <math.h>

#include <cstdint>
#include <cstring>

namespace pydarknet::emu {

template <class To, class From>
To bits(From from) {
  static_assert(sizeof(To) == sizeof(From), "a reinterpretation keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace pydarknet::emu

inline int __float_as_int(float x) { return pydarknet::emu::bits<int>(x); }
inline unsigned __float_as_uint(float x) { return pydarknet::emu::bits<unsigned>(x); }
inline float __int_as_float(int x) { return pydarknet::emu::bits<float>(x); }
inline float __uint_as_float(unsigned x) { return pydarknet::emu::bits<float>(x); }
inline long long __double_as_longlong(double x) { return pydarknet::emu::bits<long long>(x); }
inline double __longlong_as_double(long long x) { return pydarknet::emu::bits<double>(x); }

// The build forbids contraction, so plain operators round once each.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }

inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return x >= 1 ? 1 : x > 0 ? x : 0; }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(a) * b) >> 32);
}
template <class T>
T __ldg(const T* address) {
  return *address;
}
inline void __threadfence() {}

#define PYDARKNET_EXTREMES(T)                      \
  inline T min(T a, T b) { return b < a ? b : a; } \
  inline T max(T a, T b) { return a < b ? b : a; }
PYDARKNET_EXTREMES(int)
PYDARKNET_EXTREMES(unsigned)
PYDARKNET_EXTREMES(long)
PYDARKNET_EXTREMES(long long)
PYDARKNET_EXTREMES(unsigned long)
PYDARKNET_EXTREMES(unsigned long long)
#undef PYDARKNET_EXTREMES
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
