#include "cpu/conv/winograd_rows.h"

#include "cpu/simd/factors.h"

namespace pydarknet::winograd {
namespace {

using simd::Lanes;

// A step's rows are x, y and z. The weights at 0 and at infinity,
template <int kOf>
struct Alone : simd::Fp32 {
  static constexpr int kRows = HalfTransformed::kRow;
  static PYDARKNET_INLINE Lanes weights(const float* x, std::ptrdiff_t row) {
    return simd::load(x + kOf * row);
  }
};

// and what those at +-a and at +-b are the sum and the difference of.
struct Near {
  static constexpr int kRows = HalfTransformed::kRow;
  static PYDARKNET_INLINE Lanes even(const float* x, std::ptrdiff_t row) {
    return simd::load(x) + simd::load(x + 2 * row);
  }
  static PYDARKNET_INLINE Lanes odd(const float* x, std::ptrdiff_t row) { return simd::load(x + row); }
};
// By additions, beside which multiply-adds go on.
struct Far {
  static_assert(HalfTransformed::W::kB == 2 * HalfTransformed::W::kA);
  static constexpr int kRows = HalfTransformed::kRow;
  static PYDARKNET_INLINE Lanes even(const float* x, std::ptrdiff_t row) {
    const Lanes z = simd::load(x + 2 * row), twice = z + z;
    return simd::load(x) + (twice + twice);
  }
  static PYDARKNET_INLINE Lanes odd(const float* x, std::ptrdiff_t row) {
    const Lanes y = simd::load(x + row);
    return y + y;
  }
};

}  // namespace

const RowKernels& row_kernels() {
  constexpr auto rows = std::make_index_sequence<simd::kPairRows>{};
  static constexpr RowKernels kernels{simd::product_kernels<kBlock, Alone<0>>(),
                                      simd::product_kernels<kBlock, Alone<2>>(),
                                      simd::pair_kernels<Near>(rows), simd::pair_kernels<Far>(rows)};
  return kernels;
}

}  // namespace pydarknet::winograd
