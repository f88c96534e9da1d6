// Two products of 16-bit numbers at once: pmaddwd, which every x86-64 has; elsewhere in the compiler's
// vectors.
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "cpu/int8/conv.h"
#include "cpu/int8/tiles.h"

namespace pydarknet::int8 {
namespace {

struct Madd {
  using Element = std::int16_t;
  static constexpr int kGroup = 2;
  static constexpr const char* name = "madd";
  static bool runs() { return true; }
  static void add(IntLanes& sum, IntLanes x, IntLanes w) {
#if defined(__AVX512BW__)
    sum += (IntLanes)_mm512_madd_epi16((__m512i)x, (__m512i)w);
#elif defined(__AVX2__)
    sum += (IntLanes)_mm256_madd_epi16((__m256i)x, (__m256i)w);
#elif defined(__SSE2__)
    sum += (IntLanes)_mm_madd_epi16((__m128i)x, (__m128i)w);
#else
    sum += ((x << 16) >> 16) * ((w << 16) >> 16) + (x >> 16) * (w >> 16);
#endif
  }
};

}  // namespace

const Int8Convolution& madd_convolution() {
  static const Convolution<Madd> convolution;
  return convolution;
}
const Int8Convolution& madd_tiles() {
  static const TiledConvolution<Madd> convolution;
  return convolution;
}

}  // namespace pydarknet::int8
