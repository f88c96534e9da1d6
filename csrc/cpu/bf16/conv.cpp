#include "ops/cpu/bf16.h"

#if defined(__AVX512F__)
#include "cpu/bf16/image.h"
#include "cpu/bf16/matrices.h"
#endif

namespace pydarknet {
namespace bf16 {
namespace {

#if defined(__AVX512F__)
template <class Input, class Convolution>
std::vector<const Convolution*> by_matrices() {
  static const ByMatrices<simd::Amx, RoundedInPairs, Input> amx(simd::Multiplier::kAmx);
  static const ByMatrices<simd::PlainMatrices, RoundedByWords, Input> plain(simd::Multiplier::kPlainMatrices);
  if (amx.runs()) return {&amx};
  if (plain.runs()) return {&plain};
  return {};
}
#endif

}  // namespace
}  // namespace bf16

#if defined(__AVX512F__)
std::vector<const Bf16Convolution*> bf16_convolutions() {
  return bf16::by_matrices<bf16::Blocks, Bf16Convolution>();
}
std::vector<const Bf16ImageConvolution*> bf16_image_convolutions() {
  return bf16::by_matrices<bf16::Image, Bf16ImageConvolution>();
}
#else
std::vector<const Bf16Convolution*> bf16_convolutions() { return {}; }
std::vector<const Bf16ImageConvolution*> bf16_image_convolutions() { return {}; }
#endif

}  // namespace pydarknet
