#include "cpu/conv/format.h"

#include <cstring>

#include "cpu/conv/pairs.h"
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

// Rows go in pairs: a word has the same filter's weights of two channels.
void pair(const float* rows, int channels, int filters, void* to) {
  auto* words = static_cast<float*>(to);
  for (int c = 0; c < channels; c += 2, rows += 2 * filters, words += filters) {
    for (int i = 0; i < filters; i += kBlock) {
      simd::store(words + i, simd::Bf16Pairs::pair(simd::load(rows + i), simd::load(rows + filters + i)));
    }
  }
}

template <class Factors>
const simd::ProductKernels& blocked() {
  static constexpr simd::ProductKernels kernels = simd::product_kernels<kBlock, Factors>();
  return kernels;
}

}  // namespace

const WeightFormat& fp32_format() {
  static const WeightFormat format{"", Precision::kFp32, 4, 1, blocked<simd::Fp32>, keep};
  return format;
}

const std::vector<const WeightFormat*>& weight_formats() {
  static const WeightFormat fp16{"_fp16", Precision::kFp16,          2,
                                 1,       blocked<simd::StoredFp16>, round_all<simd::to_fp16>};
  static const WeightFormat bf16{"_bf16", Precision::kBf16,          2,
                                 1,       blocked<simd::StoredBf16>, round_all<simd::to_bf16>};
  static const WeightFormat pairs{"_bf16_pairs", Precision::kBf16, 2, 2, pair_kernels, pair};
  static const std::vector<const WeightFormat*> all = [] {
    std::vector<const WeightFormat*> list{&fp32_format(), &fp16, &bf16};
    if (simd::Bf16Pairs::offered()) list.push_back(&pairs);
    return list;
  }();
  return all;
}

}  // namespace pydarknet
