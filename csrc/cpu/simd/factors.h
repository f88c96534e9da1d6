// What a product's weights are in memory, and how they are multiplied.
#pragma once
#include "cpu/simd/halves.h"
#include "cpu/simd/vec.h"

namespace pydarknet::simd {

struct Fp32 {
  using Weight = float;
  static constexpr int kRows = 1;  // of weights, for a step
  // Of the step's first row; `row` weights from one to the next.
  static Lanes weights(const Weight* from, std::ptrdiff_t) { return load(from); }
  static Lanes add_product(Lanes sum, Lanes pixel, Lanes filters) { return sum + pixel * filters; }
};

// Stored in sixteen bits, multiplied as floats.
struct StoredFp16 : Fp32 {
  using Weight = std::uint16_t;
  static Lanes weights(const Weight* from, std::ptrdiff_t) { return from_fp16(load_halves(from)); }
};

struct StoredBf16 : Fp32 {
  using Weight = std::uint16_t;
  static Lanes weights(const Weight* from, std::ptrdiff_t) { return from_bf16(load_halves(from)); }
};

// Two channels at once, whose weights and pixels are BF16, two in the place of a float. A step's two products
// are added in float32. In assembly, so that the module needs no flags beyond those of its instruction set.
#if defined(__AVX512F__)
#define PYDARKNET_IN_TURNS                                                                                  \
  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, \
      30, 15, 31
struct Bf16Pairs : Fp32 {
  static bool offered() { return __builtin_cpu_supports("avx512bf16"); }
  // Words of two BF16: one in the lower half, one in the upper.
  static Lanes pair(Lanes lower, Lanes upper) {
    std::uint16_t __attribute__((vector_size(64))) halves;  // all lower ones, then all upper ones
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(lower), "v"(upper));
#if defined(__clang__)
    halves = __builtin_shufflevector(halves, halves, PYDARKNET_IN_TURNS);
#else
    halves = __builtin_shuffle(halves, decltype(halves){PYDARKNET_IN_TURNS});
#endif
    Lanes v;
    std::memcpy(&v, &halves, sizeof v);
    return v;
  }
  // As BF16, in the place of half as many floats.
  static void store(float* to, Lanes v) {
    Halves halves;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(halves) : "v"(v));
    std::memcpy(to, &halves, sizeof halves);
  }
  // All of the first, then all of the second.
  static void store(std::uint8_t* to, Lanes first, Lanes second) {
    Lanes halves;
    __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(first), "v"(second));
    std::memcpy(to, &halves, sizeof halves);
  }
  static Lanes add_product(Lanes sum, Lanes pixel, Lanes filters) {
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(pixel), "v"(filters));
    return sum;
  }
};
#undef PYDARKNET_IN_TURNS
#else
struct Bf16Pairs : Fp32 {
  static bool offered() { return false; }
  static Lanes pair(Lanes lower, Lanes upper) { return paired(lower, upper); }
  static void store(float* to, Lanes v) {
    const Halves halves = to_bf16(v);
    std::memcpy(to, &halves, sizeof halves);
  }
};
#endif

}  // namespace pydarknet::simd
