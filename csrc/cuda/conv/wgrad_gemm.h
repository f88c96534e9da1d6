// The gradient with respect to the weights: a product of matrices whose rows are filters, whose columns are
// blocks of channels under one tap, and whose sum runs over pixels. The kernel for any tile and kind of sums.
#pragma once
#include <algorithm>

#include "cuda/conv/stages.h"
#include "cuda/conv/wgrad.h"
#include "cuda/conv/wgrad_math.h"
#include "cuda/conv/wgrad_sources.h"
#include "device.h"

namespace pydarknet {

// Stages of kStagePixels pixels. A thread copies the same blocks of filters and columns all along.
template <class Sums, class Tile, class Source>
class WgradPipeline {
 public:
  static constexpr int kColumnsAt = Tile::kFilterBlocks * Sums::kStride;
  static constexpr int kStage = kColumnsAt + Tile::kColumns * Sums::kStride;  // in float4s
  static constexpr int kStaged = Tile::kFilters * Tile::kStagedStride;        // of results
  static constexpr int kSharedSlots = std::max(kWgradStages * kStage, kStaged);

  __device__ WgradPipeline(float4* shared, const WgradArguments& call, const WgradBlock& at)
      : shared_(shared),
        pixel_(call.problem, at.begin + pixel(), at.end),
        filters_(call, at.bundle, at.first_filter / kBlock + block()),
        columns_(call, at.bundle, at.first_column + block()) {}

  __device__ void load(int stage) {
    float4* const to = shared_ + stage * kStage + block() * Sums::kStride + pixel();
    filters_.copy(pixel_, to, kBlockStep * Sums::kStride);
    columns_.copy(pixel_, to + kColumnsAt, kBlockStep * Sums::kStride);
    pixel_.advance(kStagePixels);
  }

  __device__ void multiply(int stage, Sums& sums) const {
    sums.multiply(shared_ + stage * kStage, shared_ + stage * kStage + kColumnsAt);
  }

 private:
  static constexpr int kBlockStep = Tile::kThreads / kStagePixels;
  __device__ static int pixel() { return threadIdx.x % kStagePixels; }
  __device__ static int block() { return threadIdx.x / kStagePixels; }

  float4* const shared_;
  WgradPixel pixel_;
  FilterSource<Tile::kFilterBlocks / kBlockStep, kBlockStep> filters_;
  Source columns_;
};

// Results leave through shared memory, where their place is found by a loop that needs no registers for sums.
template <class Tile>
__device__ void write_weights(const WgradArguments& call, const WgradBlock& at, const float4* staged) {
  const ConvProblem& p = call.problem;
#pragma unroll 1
  for (int i = threadIdx.x; i < Tile::kFilters * Tile::kColumns; i += Tile::kThreads) {
    const int filter = at.first_filter + i / Tile::kColumns, column = at.first_column + i % Tile::kColumns;
    if (filter >= p.bundles.filters() || column >= p.rows()) continue;
    const float4 sums = staged[i / Tile::kColumns * Tile::kStagedStride + i % Tile::kColumns];
    if (call.part_count > 1) {
      weights_part(call, at.part, at.bundle, filter, column) = sums;
    } else {
      add_weights(call, at.bundle, filter, column, sums);
    }
  }
}

template <class Sums, class Tile, class Source>
__global__ void __launch_bounds__(Tile::kThreads) wgrad_gemm_kernel(const WgradArguments call) {
  PYDARKNET_DYNAMIC_SHARED(float4, shared);
  const WgradBlock at(call, Tile::kFilters, Tile::kColumns, blockIdx.x);
  WgradPipeline<Sums, Tile, Source> pipeline(shared, call, at);
  Sums sums;
  sum_steps<kWgradStages>(pipeline, ceil_div(at.end - at.begin, kStagePixels), sums);
  sums.store(shared);
  __syncthreads();
  write_weights<Tile>(call, at, shared);
}

template <class Sums, class Tile, class Source>
void launch_wgrad_gemm(const WgradArguments& call, Stream stream) {
  const ConvProblem& p = call.problem;
  const std::int64_t blocks = std::int64_t{ceil_div(p.bundles.filters(), Tile::kFilters)} *
                              ceil_div(p.rows(), Tile::kColumns) * call.part_count * p.bundles.count;
  constexpr std::size_t kBytes = sizeof(float4) * WgradPipeline<Sums, Tile, Source>::kSharedSlots;
  static_assert(kBytes <= (80 << 10), "two thread blocks to a multiprocessor of sm_80, one of sm_86");
  launch("conv_backward_weights", wgrad_gemm_kernel<Sums, Tile, Source>, static_cast<unsigned>(blocks),
         Tile::kThreads, kBytes, stream, call);
}

template <template <class> class Sums>
void run_wgrad_gemm(const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  using Large = WgradTile<128, 32, 64, 16>;
  using Small = WgradTile<64, 16, 32, 8>;
  if (plan.plain) return launch_wgrad_gemm<Sums<Small>, Small, ColumnSource<true, Small>>(call, stream);
  if (plan.large) return launch_wgrad_gemm<Sums<Large>, Large, ColumnSource<false, Large>>(call, stream);
  launch_wgrad_gemm<Sums<Small>, Small, ColumnSource<false, Small>>(call, stream);
}

}  // namespace pydarknet
