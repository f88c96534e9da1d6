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

}  // namespace pydarknet::simd
