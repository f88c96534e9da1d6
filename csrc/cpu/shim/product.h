// The CPU's version of csrc/cuda/shim/product.h. What is included or written after it is compiled without
// fused multiply-adds, which round once where the formulas round twice.
#pragma once

#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace pydarknet {

inline float product(float a, float b) { return a * b; }
inline double product(double a, double b) { return a * b; }

}  // namespace pydarknet
