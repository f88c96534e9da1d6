// The sums of one warp of the weights' gradient, and how a stage of shared memory is multiplied into them.
//
// A stage is dy[filter block][pixel] and x[column][pixel], four channels each. A lane reads all four of a
// pixel and makes four rows (or columns) of fragments of them, so that reads are 128 bits wide though the sum
// runs over pixels. Sums then hold all four channels of a column, and are stored 128 bits wide too.
#pragma once
#include "cuda/conv/gemm_math.h"
#include "cuda/conv/wgrad.h"
#include "device.h"

namespace pydarknet {

// Filters and columns (blocks of four channels under a tap) of a thread block, and of a warp.
template <int kFilters_, int kColumns_, int kWarpFilters_, int kWarpColumns_>
struct WgradTile {
  static constexpr int kFilters = kFilters_, kColumns = kColumns_, kFilterBlocks = kFilters / kBlock;
  static constexpr int kWarpFilters = kWarpFilters_, kWarpColumns = kWarpColumns_;
  static constexpr int kWarpBlocks = kWarpFilters / kBlock;
  static constexpr int kWarpsAcross = kColumns / kWarpColumns;
  static constexpr int kThreads = 32 * kWarpsAcross * (kFilters / kWarpFilters);
  static constexpr int kStagedStride = kColumns + 1;
  static_assert(kFilterBlocks % (kThreads / kStagePixels) == 0 && kColumns % (kThreads / kStagePixels) == 0);

  __device__ static int warp_column() { return threadIdx.x / 32 % kWarpsAcross * kWarpColumns; }
  __device__ static int warp_filter() { return threadIdx.x / 32 / kWarpsAcross * kWarpFilters; }
};

__device__ inline float lane_of(float4 v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

// One m16n8k8 sums over pixels t and t + 4.
struct Tf32Pixels {
  static constexpr int kLoads = 2;
  __device__ static void rows(const float4 (&v)[2], int pair, std::uint32_t (&a)[4]) {
    for (int i = 0; i < 4; ++i) a[i] = tf32_factor(lane_of(v[i / 2], pair * 2 + i % 2));
  }
  __device__ static void column(const float4 (&v)[2], int lane, std::uint32_t (&b)[2]) {
    for (int i = 0; i < 2; ++i) b[i] = tf32_factor(lane_of(v[i], lane));
  }
  __device__ static void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    mma_tf32(d, a, b);
  }
};

// One m16n8k16 sums over pixels t, t + 4, t + 8 and t + 12.
template <class Type>
struct HalfPixels {
  static constexpr int kLoads = 4;
  __device__ static void rows(const float4 (&v)[4], int pair, std::uint32_t (&a)[4]) {
    for (int i = 0; i < 4; ++i) {
      const int lane = pair * 2 + i % 2, pixel = i / 2 * 2;
      a[i] = Type::pack(lane_of(v[pixel], lane), lane_of(v[pixel + 1], lane));
    }
  }
  __device__ static void column(const float4 (&v)[4], int lane, std::uint32_t (&b)[2]) {
    for (int i = 0; i < 2; ++i) b[i] = Type::pack(lane_of(v[i * 2], lane), lane_of(v[i * 2 + 1], lane));
  }
  __device__ static void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    Type::multiply(d, a, b);
  }
};

template <class Element, class Tile>
class TensorWgradSums {
 public:
  static constexpr int kStride = kStagePixels + 4;  // 4 modulo 8: a quarter of a warp meets all banks

  __device__ void multiply(const float4* dy, const float4* x) {
    const int quad = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    dy += (Tile::warp_filter() / kBlock + quad) * kStride + t;
    x += (Tile::warp_column() + quad) * kStride + t;
#pragma unroll
    for (int pixel = 0; pixel < kStagePixels; pixel += 4 * Element::kLoads) {
      std::uint32_t b[kAcross][2];
#pragma unroll
      for (int i = 0; i < kAcross / 4; ++i) {
        float4 v[Element::kLoads];
        read(x + i * 8 * kStride + pixel, v);
#pragma unroll
        for (int lane = 0; lane < 4; ++lane) Element::column(v, lane, b[i * 4 + lane]);
      }
#pragma unroll
      for (int i = 0; i < kDown / 2; ++i) {
        float4 v[Element::kLoads];
        read(dy + i * 8 * kStride + pixel, v);
        multiply_rows(v, 0, b, sums_[i * 2]);
        multiply_rows(v, 1, b, sums_[i * 2 + 1]);
      }
    }
  }

  // [filter][column] of the tile, four channels each.
  __device__ void store(float4* staged) const {
    const int quad = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < kDown * 2 * (kAcross / 4) * 2; ++i) {
      const int e = i % 2, across = i / 2 % (kAcross / 4), half = i / 2 / (kAcross / 4) % 2,
                down = i / kAcross;
      const int filter = Tile::warp_filter() + (down / 2 * 8 + quad) * kBlock + down % 2 * 2 + half;
      const int column = Tile::warp_column() + across * 8 + t * 2 + e, sum = half * 2 + e;
      const auto& s = sums_[down];
      staged[filter * Tile::kStagedStride + column] = make_float4(
          s[across * 4][sum], s[across * 4 + 1][sum], s[across * 4 + 2][sum], s[across * 4 + 3][sum]);
    }
  }

 private:
  static constexpr int kDown = Tile::kWarpFilters / 16, kAcross = Tile::kWarpColumns / 2;
  static_assert(kDown % 2 == 0 && kAcross % 4 == 0);

  __device__ static void read(const float4* from, float4 (&v)[Element::kLoads]) {
#pragma unroll
    for (int i = 0; i < Element::kLoads; ++i) v[i] = from[i * 4];
  }

  // Rows quad and quad + 8 are lanes 2 * pair and 2 * pair + 1 of the quad's block.
  __device__ static void multiply_rows(const float4 (&v)[Element::kLoads], int pair,
                                       const std::uint32_t (&b)[kAcross][2], float (&sums)[kAcross][4]) {
    std::uint32_t a[4];
    Element::rows(v, pair, a);
#pragma unroll
    for (int i = 0; i < kAcross; ++i) Element::multiply(sums[i], a, b[i]);
  }

  float sums_[kDown][kAcross][4] = {};
};

template <class Tile>
using Tf32WgradSums = TensorWgradSums<Tf32Pixels, Tile>;
template <class Tile>
using Fp16WgradSums = TensorWgradSums<HalfPixels<Fp16>, Tile>;
template <class Tile>
using Bf16WgradSums = TensorWgradSums<HalfPixels<Bf16>, Tile>;

// A warp's lanes are 8 blocks of filters by 4 columns.
template <class Tile>
class FloatWgradSums {
 public:
  static constexpr int kStride = kStagePixels + 1;  // odd: lanes of different blocks meet different banks

  __device__ void multiply(const float4* dy, const float4* x) {
    dy += (Tile::warp_filter() / kBlock + threadIdx.x % 8) * kStride;
    x += (Tile::warp_column() + threadIdx.x % 32 / 8) * kStride;
#pragma unroll 1
    for (int pixel = 0; pixel < kStagePixels; ++pixel, ++dy, ++x) {
      float4 filters[kDown];
#pragma unroll
      for (int i = 0; i < kDown; ++i) filters[i] = dy[i * 8 * kStride];
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        const float4 channels = x[j * 4 * kStride];
#pragma unroll
        for (int i = 0; i < kDown * 4; ++i) {
          add_product(lane_of(filters[i / 4], i % 4), channels, sums_[i][j]);
        }
      }
    }
  }

  __device__ void store(float4* staged) const {
#pragma unroll
    for (int i = 0; i < kDown * 4; ++i) {
      const int filter = Tile::warp_filter() + (i / 4 * 8 + threadIdx.x % 8) * kBlock + i % 4;
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        const int column = Tile::warp_column() + j * 4 + threadIdx.x % 32 / 8;
        staged[filter * Tile::kStagedStride + column] = sums_[i][j];
      }
    }
  }

 private:
  static constexpr int kDown = Tile::kWarpBlocks / 8, kAcross = Tile::kWarpColumns / 4;

  __device__ static void add_product(float filter, float4 channels, float4& sum) {
    sum.x += filter * channels.x;
    sum.y += filter * channels.y;
    sum.z += filter * channels.z;
    sum.w += filter * channels.w;
  }

  float4 sums_[kDown * 4][kAcross] = {};
};

}  // namespace pydarknet
