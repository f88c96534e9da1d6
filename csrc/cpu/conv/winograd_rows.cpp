#include "cpu/conv/winograd_rows.h"

#include "cpu/simd/factors.h"

namespace pydarknet::winograd {
namespace {

using simd::Lanes;

// A step's rows are s, o and t. The weights at 0 and at infinity,
template <int kOf, int kLess>
struct Outer : simd::Fp32 {
  static constexpr int kRows = HalfTransformed::kRow;
  static PYDARKNET_INLINE Lanes weights(const float* s, std::ptrdiff_t row) {
    return simd::mixed<simd::Mix::kOuter>(simd::load(s + kOf * row), simd::load(s + kLess * row));
  }
};

// and what those at +-a and at +-b are the sum and the difference of.
template <int kEven>
struct Inner {
  static constexpr int kRows = HalfTransformed::kRow;
  static PYDARKNET_INLINE Lanes even(const float* s, std::ptrdiff_t row) {
    return simd::load(s + kEven * row);
  }
  static PYDARKNET_INLINE Lanes odd(const float* s, std::ptrdiff_t row) { return simd::load(s + row); }
};

}  // namespace

const RowKernels& row_kernels() {
  constexpr auto rows = std::make_index_sequence<simd::kPairRows>{};
  static constexpr RowKernels kernels{simd::product_kernels<kBlock, Outer<0, 2>>(),
                                      simd::product_kernels<kBlock, Outer<2, 0>>(),
                                      simd::pair_kernels<Inner<0>>(rows), simd::pair_kernels<Inner<2>>(rows)};
  return kernels;
}

}  // namespace pydarknet::winograd
