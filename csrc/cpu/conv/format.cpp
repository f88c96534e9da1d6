#include "cpu/conv/format.h"

#include <cstring>

#include "cpu/simd/factors.h"

namespace pydarknet {
namespace {

void keep(const float* rows, int channels, int filters, void* to) {
  std::memcpy(to, rows, sizeof(float) * channels * filters);
}

template <simd::Halves (*kRound)(simd::Lanes)>
void round_all(const float* rows, int channels, int filters, void* to) {
  auto* const halves = static_cast<std::uint16_t*>(to);
  for (std::int64_t i = 0; i < std::int64_t{channels} * filters; i += kBlock) {
    simd::store(halves + i, kRound(simd::load(rows + i)));
  }
}

template <class Factors>
const simd::ProductKernels& blocked() {
  static constexpr simd::ProductKernels kernels = simd::product_kernels<kBlock, Factors>();
  return kernels;
}

}  // namespace

const WeightFormat& fp32_format() {
  static const WeightFormat format{"", Precision::kFp32, 4, 1, 1.0, &blocked<simd::Fp32>(), keep};
  return format;
}

const std::vector<const WeightFormat*>& weight_formats() {
  static const WeightFormat fp16{
      "_fp16", Precision::kFp16, 2, 1, 1.0, &blocked<simd::StoredFp16>(), round_all<simd::to_fp16>};
  static const WeightFormat bf16{
      "_bf16", Precision::kBf16, 2, 1, 1.0, &blocked<simd::StoredBf16>(), round_all<simd::to_bf16>};
  static const std::vector<const WeightFormat*> all = {&fp32_format(), &fp16, &bf16};
  return all;
}

const simd::ProductKernels& plain_kernels() {
  static constexpr simd::ProductKernels kernels = simd::product_kernels<1, simd::Fp32>();
  return kernels;
}

}  // namespace pydarknet
