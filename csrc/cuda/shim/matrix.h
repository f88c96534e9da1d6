// Tensor-core operations of one warp: every lane calls, each holds its fragments as the PTX ISA lays them
// out.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "cuda/shim/matrix_before_ampere.h"

namespace pydarknet {

// Rounded to 10 bits of mantissa, ties away from zero.
__device__ __forceinline__ std::uint32_t to_tf32(float x) {
#if __CUDA_ARCH__ >= 800
  std::uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
#else
  return (__float_as_uint(x) + 0x1000) & 0xffffe000u;
#endif
}

// Rounded to nearest, ties to even; `lo` in the lower half.
__device__ __forceinline__ std::uint32_t pack_half2(float lo, float hi) {
  const __half2 pair = __floats2half2_rn(lo, hi);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}
__device__ __forceinline__ std::uint32_t pack_bf162(float lo, float hi) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(lo, hi);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}
__device__ __forceinline__ float2 unpack_half2(std::uint32_t pair) {
  return __half22float2(*reinterpret_cast<const __half2*>(&pair));
}
__device__ __forceinline__ float2 unpack_bf162(std::uint32_t pair) {
  return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

#define PYDARKNET_MMA(shape_and_types)                                            \
  asm volatile("mma.sync.aligned." shape_and_types                                \
               " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                   \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#define PYDARKNET_FRAGMENTS float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]

// d += a b: a 16x8 (tf32) or 16x16 (f16, bf16) by rows, b 8x8 or 16x8 by columns.
__device__ __forceinline__ void mma_tf32(PYDARKNET_FRAGMENTS) {
#if __CUDA_ARCH__ >= 800
  PYDARKNET_MMA("m16n8k8.row.col.f32.tf32.tf32.f32");
#else
  before_ampere::multiply<before_ampere::Tf32>(d, a, b);
#endif
}
__device__ __forceinline__ void mma_f16(PYDARKNET_FRAGMENTS) {
#if __CUDA_ARCH__ >= 800
  PYDARKNET_MMA("m16n8k16.row.col.f32.f16.f16.f32");
#else
  before_ampere::multiply_f16(d, a, b);
#endif
}
__device__ __forceinline__ void mma_bf16(PYDARKNET_FRAGMENTS) {
#if __CUDA_ARCH__ >= 800
  PYDARKNET_MMA("m16n8k16.row.col.f32.bf16.bf16.f32");
#else
  before_ampere::multiply<before_ampere::Bf16>(d, a, b);
#endif
}

#undef PYDARKNET_FRAGMENTS
#undef PYDARKNET_MMA

}  // namespace pydarknet
