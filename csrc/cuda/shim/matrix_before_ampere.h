// sm_75 multiplies FP16 only, eight columns at a time. TF32 and BF16 are right there, but slow: lanes fetch
// the fragments of others one number after another. device_supports_tf32() tells who should not ask for them.
#pragma once
#include <cstdint>

namespace pydarknet::before_ampere {

__device__ __forceinline__ void multiply_f16_half(float (&d)[4], std::uint32_t a0, std::uint32_t a1,
                                                  std::uint32_t b0) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(b0));
}

__device__ __forceinline__ void multiply_f16(float (&d)[4], const std::uint32_t (&a)[4],
                                             const std::uint32_t (&b)[2]) {
  multiply_f16_half(d, a[0], a[1], b[0]);
  multiply_f16_half(d, a[2], a[3], b[1]);
}

// How many numbers a register holds, and which float number i is.
struct Tf32 {
  static constexpr int kPerWord = 1;
  static __device__ float number(std::uint32_t word, int) { return __uint_as_float(word & 0xffffe000u); }
};
struct Bf16 {
  static constexpr int kPerWord = 2;
  static __device__ float number(std::uint32_t word, int i) {
    return __uint_as_float(i ? word & 0xffff0000u : word << 16);
  }
};

// d + a b over the fragments of the warp: for each word of a row of a, the lane of this row and the two
// lanes of this lane's columns of b hand theirs out. Not inlined: it is slow anyway, and unrolled everywhere
// it would take the compiler longer than all the rest. By value, so that fragments stay in registers.
template <class Element>
__device__ __noinline__ float4 sum(float4 d, uint4 a, uint2 b) {
  constexpr unsigned kAll = 0xffffffffu;
  const int lane = ((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x) & 31;
  const int row = lane & ~3, column = 8 * (lane & 3);
#pragma unroll 1
  for (int word = 0; word < 8; ++word) {
    const bool first = word < 4;
    const int t = word % 4;
    const std::uint32_t top = __shfl_sync(kAll, first ? a.x : a.z, row + t);
    const std::uint32_t bottom = __shfl_sync(kAll, first ? a.y : a.w, row + t);
    const std::uint32_t left = __shfl_sync(kAll, first ? b.x : b.y, column + t);
    const std::uint32_t right = __shfl_sync(kAll, first ? b.x : b.y, column + 4 + t);
    for (int i = 0; i < Element::kPerWord; ++i) {
      d.x += Element::number(top, i) * Element::number(left, i);
      d.y += Element::number(top, i) * Element::number(right, i);
      d.z += Element::number(bottom, i) * Element::number(left, i);
      d.w += Element::number(bottom, i) * Element::number(right, i);
    }
  }
  return d;
}

template <class Element>
__device__ __forceinline__ void multiply(float (&d)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2]) {
  const float4 sums = sum<Element>(make_float4(d[0], d[1], d[2], d[3]), make_uint4(a[0], a[1], a[2], a[3]),
                                   make_uint2(b[0], b[1]));
  d[0] = sums.x, d[1] = sums.y, d[2] = sums.z, d[3] = sums.w;
}

}  // namespace pydarknet::before_ampere
