#include "ops/cpu/bf16.h"

#if defined(__AVX512F__)
#include "cpu/bf16/matrices.h"
#endif

namespace pydarknet {

std::vector<const Bf16Convolution*> bf16_convolutions() {
#if defined(__AVX512F__)
  static const bf16::ByMatrices<simd::Amx, bf16::RoundedInPairs> amx(simd::Multiplier::kAmx);
  static const bf16::ByMatrices<simd::PlainMatrices, bf16::RoundedByWords> plain(
      simd::Multiplier::kPlainMatrices);
  if (amx.runs()) return {&amx};
  if (plain.runs()) return {&plain};
#endif
  return {};
}

}  // namespace pydarknet
