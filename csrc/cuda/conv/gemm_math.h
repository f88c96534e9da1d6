// The sums of one warp of the implicit GEMM, and how a stage of shared memory is multiplied into them.
//
// A stage is rows of 16-byte slots: activations[row][pixel], four channels of a pixel each, and
// weights[row][filter]. The order of the products in a sum is free: lane t of a quad takes the four channels
// of row t where the instruction says four neighbours, so all reads are 128 bits wide. Strides of 2 modulo 8
// slots spread each quarter of a warp over all banks.
#pragma once
#include "device.h"

namespace pydarknet {

// What a block of kThreads computes, and the part of it that one warp does.
template <int kPixels_, int kFilters_, int kWarpPixels_, int kWarpFilters_>
struct GemmTile {
  static constexpr int kPixels = kPixels_, kFilters = kFilters_;
  static constexpr int kWarpPixels = kWarpPixels_, kWarpFilters = kWarpFilters_;
  static constexpr int kWarpsAcross = kPixels / kWarpPixels;
  static constexpr int kThreads = 32 * kWarpsAcross * (kFilters / kWarpFilters);
  static constexpr int kPixelStride = kPixels + 2, kFilterStride = kFilters + 2;
  static_assert(kPixels % 8 == 0 && kFilters % 8 == 0 && kThreads % kPixels == 0 && kThreads % kFilters == 0);

  __device__ static int warp_pixel() { return threadIdx.x / 32 % kWarpsAcross * kWarpPixels; }
  __device__ static int warp_filter() { return threadIdx.x / 32 / kWarpsAcross * kWarpFilters; }
  // Results on their way out: [filter / 4][pixel][filter % 4].
  __device__ static int staged(int pixel, int filter) {
    return (filter / 4 * kPixelStride + pixel) * 4 + filter % 4;
  }
};

// For TF32 the tensor cores drop 13 bits of a float. This makes up for what that takes from its magnitude on
// average, in one instruction that keeps infinity and NaN: m (1 + 2^-11 * 2 / 3), over mantissas m from 1 to
// 2, is m plus half of the last bit that stays. The error is 5 % larger in the mean than with cvt.rna, which
// is three instructions.
__device__ inline std::uint32_t tf32_factor(float x) { return __float_as_uint(x * (1.0f + 1.0f / 3072.0f)); }

// One m16n8k8 takes half of each lane's four channels. Weights are rounded when packed, a slot a row.
struct Tf32 {
  static constexpr int kRows = 4, kSlots = 4, kStages = 4;

  template <int kCount>
  __device__ static void multiply(float (&sums)[kCount][4], float4 low, float4 high,
                                  const float4 (&weights)[kCount], int) {
    const std::uint32_t first[4] = {tf32_factor(low.x), tf32_factor(high.x), tf32_factor(low.y),
                                    tf32_factor(high.y)};
    const std::uint32_t second[4] = {tf32_factor(low.z), tf32_factor(high.z), tf32_factor(low.w),
                                     tf32_factor(high.w)};
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      mma_tf32(sums[i], first, {__float_as_uint(weights[i].x), __float_as_uint(weights[i].y)});
    }
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      mma_tf32(sums[i], second, {__float_as_uint(weights[i].z), __float_as_uint(weights[i].w)});
    }
  }
};

struct Fp16 {
  __device__ static std::uint32_t pack(float low, float high) { return pack_half2(low, high); }
  __device__ static void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    mma_f16(d, a, b);
  }
};
struct Bf16 {
  __device__ static std::uint32_t pack(float low, float high) { return pack_bf162(low, high); }
  __device__ static void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    mma_bf16(d, a, b);
  }
};

// One m16n8k16 takes all four channels. A slot of weights has eight, those of rows t and t + 4.
template <class Type>
struct Half {
  static constexpr int kRows = 8, kSlots = 4, kStages = 3;

  template <int kCount>
  __device__ static void multiply(float (&sums)[kCount][4], float4 low, float4 high,
                                  const float4 (&weights)[kCount], int part) {
    const std::uint32_t a[4] = {Type::pack(low.x, low.y), Type::pack(high.x, high.y),
                                Type::pack(low.z, low.w), Type::pack(high.z, high.w)};
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const float4 w = weights[i];
      Type::multiply(sums[i], a,
                     {__float_as_uint(part == 0 ? w.x : w.z), __float_as_uint(part == 0 ? w.y : w.w)});
    }
  }
};

template <class Element, class Tile>
class TensorSums {
 public:
  static constexpr int kRows = Element::kRows, kSlots = Element::kSlots, kStages = Element::kStages;

  __device__ void multiply(const float4* activations, const float4* weights) {
    const int quad = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    weights += t * Tile::kFilterStride + Tile::warp_filter() + quad;
    activations += t * Tile::kPixelStride + Tile::warp_pixel() + quad;
    float4 w[kAcross];
#pragma unroll
    for (int i = 0; i < kAcross; ++i) w[i] = weights[i * 8];
#pragma unroll
    for (int part = 0; part < kRows / 4; ++part) {
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
        const float4* const a = activations + part * 4 * Tile::kPixelStride + i * 16;
        Element::multiply(sums_[i], a[0], a[8], w, part);
      }
    }
  }

  __device__ void store(float* staged) const {
    const int quad = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < kDown * kAcross * 2; ++i) {
      const int down = i / (kAcross * 2), across = i / 2 % kAcross, half = i % 2;
      const int pixel = Tile::warp_pixel() + down * 16 + half * 8 + quad;
      const int filter = Tile::warp_filter() + across * 8 + t * 2;
      const float* const sums = sums_[down][across] + half * 2;
      *reinterpret_cast<float2*>(staged + Tile::staged(pixel, filter)) = make_float2(sums[0], sums[1]);
    }
  }

 private:
  static constexpr int kDown = Tile::kWarpPixels / 16, kAcross = Tile::kWarpFilters / 8;
  float sums_[kDown][kAcross][4] = {};
};

template <class Tile>
using Tf32Sums = TensorSums<Tf32, Tile>;
template <class Tile>
using Fp16Sums = TensorSums<Half<Fp16>, Tile>;
template <class Tile>
using Bf16Sums = TensorSums<Half<Bf16>, Tile>;

// A warp's lanes are 8 pixels by 4 filters. A step is four channels of all products.
template <class Tile>
class FloatSums {
 public:
  static constexpr int kRows = 4, kSlots = 4, kStages = 4;

  __device__ void multiply(const float4* activations, const float4* weights) {
    const int pixel = Tile::warp_pixel() + threadIdx.x % 8;
    const int filter = Tile::warp_filter() + threadIdx.x % 32 / 8;
#pragma unroll 1
    for (int row = 0; row < kRows; ++row) {
      float4 x[kDown];
#pragma unroll
      for (int i = 0; i < kDown; ++i) x[i] = activations[row * Tile::kPixelStride + pixel + i * 8];
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        add_products(x, weights[row * Tile::kFilterStride + filter + j * 4], j);
      }
    }
  }

  __device__ void store(float* staged) const {
    const int pixel = Tile::warp_pixel() + threadIdx.x % 8;
    const int filter = Tile::warp_filter() + threadIdx.x % 32 / 8;
#pragma unroll
    for (int i = 0; i < kDown; ++i) {
#pragma unroll
      for (int j = 0; j < kAcross; ++j) staged[Tile::staged(pixel + i * 8, filter + j * 4)] = sums_[i][j];
    }
  }

 private:
  static constexpr int kDown = Tile::kWarpPixels / 8, kAcross = Tile::kWarpFilters / 4;

  // Channel by channel over all pixels, so that no product waits for the one before.
  __device__ void add_products(const float4 (&x)[kDown], float4 w, int j) {
#pragma unroll
    for (int i = 0; i < kDown; ++i) sums_[i][j] += x[i].x * w.x;
#pragma unroll
    for (int i = 0; i < kDown; ++i) sums_[i][j] += x[i].y * w.y;
#pragma unroll
    for (int i = 0; i < kDown; ++i) sums_[i][j] += x[i].z * w.z;
#pragma unroll
    for (int i = 0; i < kDown; ++i) sums_[i][j] += x[i].w * w.w;
  }

  float sums_[kDown][kAcross] = {};
};

}  // namespace pydarknet
