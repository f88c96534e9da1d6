// Four products of bytes at once: vpdpbusd, of AVX512-VNNI and of AVX-VNNI, and AMX. Written in assembly, so
// that the module needs no flags beyond those of its instruction set; whether the machine has it is asked
// when it runs.
#include "cpu/int8/conv.h"
#include "cpu/int8/tiles.h"

#if defined(__AVX512F__)
#include "cpu/int8/matrices.h"
#include "cpu/simd/amx.h"
#endif

namespace pydarknet::int8 {

#if defined(__AVX2__)
namespace {

struct Dot {
  using Element = std::uint8_t;
  static constexpr int kGroup = 4;
#if defined(__AVX512F__)
  static constexpr const char* name = "avx512_vnni";
  static bool runs() { return __builtin_cpu_supports("avx512vnni"); }
  static void add(IntLanes& sum, IntLanes x, IntLanes w) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
  }
#else
  static constexpr const char* name = "avx_vnni";
  static bool runs() { return __builtin_cpu_supports("avxvnni"); }
  static void add(IntLanes& sum, IntLanes x, IntLanes w) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
  }
#endif
};

}  // namespace

const Int8Convolution* dot_convolution() {
  static const Convolution<Dot> convolution;
  return &convolution;
}
const Int8Convolution* dot_tiles() {
  static const TiledConvolution<Dot> convolution;
  return &convolution;
}
#else
const Int8Convolution* dot_convolution() { return nullptr; }
const Int8Convolution* dot_tiles() { return nullptr; }
#endif

#if defined(__AVX512F__)
const Int8Convolution* matrix_convolution() {
  static const ByMatrices<simd::Amx, Convolution<Dot>> amx("amx");
  static const ByMatrices<simd::PlainMatrices, Convolution<Dot>> plain("plain_matrices");
  switch (simd::multiplier()) {
    case simd::Multiplier::kAmx:
      return &amx;
    case simd::Multiplier::kPlainMatrices:
      return &plain;
    default:
      return nullptr;
  }
}
#else
const Int8Convolution* matrix_convolution() { return nullptr; }
#endif

}  // namespace pydarknet::int8
