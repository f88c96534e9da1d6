// The CPU's version of csrc/cuda/product.h: whoever includes it compiles without contraction.
#pragma once

namespace pydarknet {

inline float product(float a, float b) { return a * b; }
inline double product(double a, double b) { return a * b; }

}  // namespace pydarknet
