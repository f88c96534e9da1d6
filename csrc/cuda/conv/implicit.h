// The implicit GEMM: its kernel for any tile and kind of sums, and its launch.
#pragma once
#include <algorithm>

#include "cuda/conv/gemm_math.h"
#include "cuda/conv/result.h"
#include "cuda/conv/stages.h"
#include "device.h"

namespace pydarknet {

// Stages of activations and weights, filled by asynchronous copies while earlier ones are multiplied. A
// thread copies the same pixel and the same filter all along.
template <class Sums, class Tile, class Source>
class GemmPipeline {
 public:
  static constexpr int kWeightsAt = Sums::kRows * Tile::kPixelStride;
  static constexpr int kStage = kWeightsAt + Sums::kSlots * Tile::kFilterStride;  // in slots
  static constexpr int kStaged = Tile::kFilters / kBlock * Tile::kPixelStride;    // of results
  static constexpr int kSharedSlots = std::max(Sums::kStages * kStage, kStaged);

  // Begins with step `step` of the sum.
  __device__ GemmPipeline(float4* shared, const ConvProblem& p, const float* x, const float* packed,
                          const GemmBlock& at, int step)
      : shared_(shared), source_(p, x, at.bundle, at.first_pixel + pixel(), step * Sums::kRows + row()) {
    const int filters = at.first_filter + filter(), panels = panels_of(p.bundles);
    exists_ = filters / kPanel < panels;
    const std::int64_t panel = std::int64_t{at.bundle} * panels + (exists_ ? filters / kPanel : 0);
    const std::int64_t slots = std::int64_t{ceil_div(p.rows(), Sums::kRows)} * Sums::kSlots;
    weights_ = reinterpret_cast<const float4*>(packed) +
               (panel * slots + step * Sums::kSlots + slot()) * kPanel + filters % kPanel;
  }

  __device__ void load(int stage) {
    float4* const to = shared_ + stage * kStage;
#pragma unroll(Source::kUnroll)
    for (int i = 0; i < Sums::kRows; i += Tile::kThreads / Tile::kPixels) {
      source_.copy(to + (i + row()) * Tile::kPixelStride + pixel());
      source_.advance(Tile::kThreads / Tile::kPixels);
    }
    source_.end_stage(Sums::kRows);
#pragma unroll
    for (int i = 0; i < Sums::kSlots; i += Tile::kThreads / Tile::kFilters) {
      cp_async16(to + kWeightsAt + (i + slot()) * Tile::kFilterStride + filter(), weights_ + i * kPanel,
                 exists_);
    }
    weights_ += Sums::kSlots * kPanel;
  }

  __device__ void multiply(int stage, Sums& sums) const {
    sums.multiply(shared_ + stage * kStage, shared_ + stage * kStage + kWeightsAt);
  }

 private:
  __device__ static int pixel() { return threadIdx.x % Tile::kPixels; }
  __device__ static int row() { return threadIdx.x / Tile::kPixels; }
  __device__ static int filter() { return threadIdx.x % Tile::kFilters; }
  __device__ static int slot() { return threadIdx.x / Tile::kFilters; }

  float4* const shared_;
  Source source_;
  const float4* weights_;
  bool exists_;
};

// Results leave through shared memory, so that neighbouring threads write neighbouring pixels.
template <class Tile>
__device__ void write_results(const ConvProblem& p, const GemmBlock& at, const float4* staged,
                              const ConvResult& result, float* parts) {
#pragma unroll 1
  for (int i = threadIdx.x; i < Tile::kFilters / kBlock * Tile::kPixels; i += Tile::kThreads) {
    const int pixel = at.first_pixel + i % Tile::kPixels, block = i / Tile::kPixels;
    const int bundle_block = at.first_filter / kBlock + block;
    if (pixel >= p.pixels() || bundle_block >= p.bundles.filter_blocks()) continue;
    const float4 sums = staged[block * Tile::kPixelStride + i % Tile::kPixels];
    if (parts) {
      part_of(p, parts, at.part, at.bundle, bundle_block, pixel) = sums;
    } else {
      finish(p, result, at.bundle, bundle_block, pixel, sums);
    }
  }
}

template <class Sums, class Tile, class Source>
__global__ void __launch_bounds__(Tile::kThreads)
    implicit_gemm(const ConvProblem p, const float* __restrict__ x, const float* __restrict__ packed,
                  const ConvResult result, float* parts, int part_count) {
  PYDARKNET_DYNAMIC_SHARED(float4, shared);
  PYDARKNET_SHARED(GemmBlock, at);  // kept for the end, in no register of the main loop
  if (threadIdx.x == 0) at = gemm_block(p, Tile::kPixels, Tile::kFilters, part_count, blockIdx.x);
  __syncthreads();
  const int steps = ceil_div(p.rows(), Sums::kRows);
  const int begin = part_at(steps, at.part, part_count), end = part_at(steps, at.part + 1, part_count);
  GemmPipeline<Sums, Tile, Source> pipeline(shared, p, x, packed, at, begin);
  Sums sums;
  sum_steps<Sums::kStages>(pipeline, end - begin, sums);
  sums.store(reinterpret_cast<float*>(shared));
  __syncthreads();
  write_results<Tile>(p, at, shared, result, parts);
}

template <class Sums, class Tile, class Source>
void launch_gemm(const GemmCall& call) {
  const ConvProblem& p = call.problem;
  const std::int64_t blocks = std::int64_t{ceil_div(p.pixels(), Tile::kPixels)} *
                              ceil_div(p.bundles.filters(), Tile::kFilters) * call.plan.parts *
                              p.bundles.count;
  constexpr std::size_t kBytes = sizeof(float4) * GemmPipeline<Sums, Tile, Source>::kSharedSlots;
  static_assert(kBytes <= (80 << 10), "two thread blocks to a multiprocessor of sm_80, one of sm_86");
  launch("implicit_gemm", implicit_gemm<Sums, Tile, Source>, static_cast<unsigned>(blocks), Tile::kThreads,
         kBytes, call.stream, p, call.x, call.packed, call.result, call.parts, call.plan.parts);
}

template <template <class> class Sums>
void run_gemm(const GemmCall& call) {
  using Large = GemmTile<128, 128, 64, 64>;
  using Small = GemmTile<64, 64, 32, 32>;
  using Narrow = GemmTile<128, 32, 32, 32>;
  if (call.plain) return launch_gemm<Sums<Narrow>, Narrow, PlainSource>(call);
  const bool whole = whole_taps(call.problem, Sums<Small>::kRows);
  switch (call.plan.tiles) {
    case GemmTiles::kLarge:
      return launch_gemm<Sums<Large>, Large, BlockedSource<true>>(call);
    case GemmTiles::kSmall:
      return whole ? launch_gemm<Sums<Small>, Small, BlockedSource<true>>(call)
                   : launch_gemm<Sums<Small>, Small, BlockedSource<false>>(call);
    case GemmTiles::kNarrow:
      return whole ? launch_gemm<Sums<Narrow>, Narrow, BlockedSource<true>>(call)
                   : launch_gemm<Sums<Narrow>, Narrow, BlockedSource<false>>(call);
  }
}

}  // namespace pydarknet
