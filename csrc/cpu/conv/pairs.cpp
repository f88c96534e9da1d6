#include "cpu/conv/pairs.h"

#include "cpu/simd/amx.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/matrix_microkernel.h"

namespace pydarknet {
namespace {

using simd::ProductKernels;

const ProductKernels& by_vectors() {
  static constexpr ProductKernels kernels = simd::product_kernels<kBlock / 2, simd::Bf16Pairs>();
  return kernels;
}

template <class Matrices>
const ProductKernels& by_matrices() {
  static constexpr ProductKernels kernels = simd::matrix_kernels<Matrices>();
  return kernels;
}

}  // namespace

const ProductKernels& pair_kernels() {
  switch (simd::multiplier()) {
#if defined(__AVX512F__)
    case simd::Multiplier::kAmx:
      return by_matrices<simd::Amx>();
    case simd::Multiplier::kPlainMatrices:
      return by_matrices<simd::PlainMatrices>();
#endif
    default:
      return by_vectors();
  }
}

}  // namespace pydarknet
