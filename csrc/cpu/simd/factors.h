// What a product's weights are in memory, and how they are multiplied.
#pragma once
#include "cpu/simd/halves.h"
#include "cpu/simd/vec.h"

namespace pydarknet::simd {

struct Fp32 {
  using Weight = float;
  static Lanes weights(const Weight* from) { return load(from); }
  static Lanes add_product(Lanes sum, Lanes pixel, Lanes filters) { return sum + pixel * filters; }
};

// Stored in sixteen bits, multiplied as floats.
struct StoredFp16 : Fp32 {
  using Weight = std::uint16_t;
  static Lanes weights(const Weight* from) { return from_fp16(load_halves(from)); }
};

struct StoredBf16 : Fp32 {
  using Weight = std::uint16_t;
  static Lanes weights(const Weight* from) { return from_bf16(load_halves(from)); }
};

// Two channels at once, whose weights and pixels are BF16, two in the place of a float. A step's two products
// are added in float32. In assembly, so that the module needs no flags beyond those of its instruction set.
#if defined(__AVX512F__)
struct Bf16Pairs : Fp32 {
  static bool offered() { return __builtin_cpu_supports("avx512bf16"); }
  static Lanes add_product(Lanes sum, Lanes pixel, Lanes filters) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(pixel), "v"(filters));
    return sum;
  }
};
#else
struct Bf16Pairs : Fp32 {
  static bool offered() { return false; }
};
#endif

}  // namespace pydarknet::simd
