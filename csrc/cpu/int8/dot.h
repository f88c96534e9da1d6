// Four products of bytes at once: vpdpbusd, of AVX512-VNNI and of AVX-VNNI. Written in assembly, so that the
// module needs no flags beyond those of its instruction set; whether the machine has it is asked when it
// runs.
#pragma once
#include "cpu/int8/kernel.h"

#if defined(__AVX2__)
namespace pydarknet::int8 {

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

}  // namespace pydarknet::int8
#endif
