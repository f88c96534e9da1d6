// The weights' gradient on the device: what its kernels are given, and where its sums go.
#pragma once
#include "cuda/conv/gemm.h"
#include "device.h"

namespace pydarknet {

inline constexpr int kStagePixels = 16, kWgradStages = 3;

// Rows are a bundle's filters; columns are blocks of its channels under one tap, [block][tap]; there are as
// many as the problem has rows of weights.
struct WgradArguments {
  ConvProblem problem;
  const float *x, *dy;
  float* dweights;
  float* parts;  // with several parts of the sum: [part][bundle][filter][column][4]
  int part_count;
};

// Which filters, columns and pixels [begin, end) a thread block has.
struct WgradBlock {
  PYDARKNET_HD WgradBlock(const WgradArguments& call, int filters, int columns, unsigned index) {
    const ConvProblem& p = call.problem;
    const unsigned across = ceil_div(p.rows(), columns), down = ceil_div(p.bundles.filters(), filters);
    first_column = static_cast<int>(index % across) * columns;
    index /= across;
    first_filter = static_cast<int>(index % down) * filters;
    index /= down;
    part = static_cast<int>(index % call.part_count);
    bundle = static_cast<int>(index / call.part_count);
    begin = part_at(p.pixels(), part, call.part_count);
    end = part_at(p.pixels(), part + 1, call.part_count);
  }
  int first_column, first_filter, part, bundle, begin, end;
};

__device__ inline float4& weights_part(const WgradArguments& call, int part, int bundle, int filter,
                                       int column) {
  const Bundles& b = call.problem.bundles;
  const std::int64_t row = (std::int64_t{part} * b.count + bundle) * b.filters() + filter;
  return reinterpret_cast<float4*>(call.parts)[row * call.problem.rows() + column];
}

// dweights += the sums of four channels, as far as they belong to the filter's group.
__device__ inline void add_weights(const WgradArguments& call, int bundle, int filter, int column,
                                   float4 sums) {
  const Bundles& b = call.problem.bundles;
  const int taps = call.problem.taps(), block = column / taps, tap = column - block * taps;
  const int member = filter / b.group_filters, k = bundle * b.filters() + filter;
  if (k >= b.total_filters) return;
  const float values[4] = {sums.x, sums.y, sums.z, sums.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int channel = block * kBlock + i - member * b.group_channels;
    if (channel < 0 || channel >= b.group_channels) continue;
    call.dweights[(std::int64_t{k} * b.group_channels + channel) * taps + tap] += values[i];
  }
}

struct WgradPlan {
  bool plain, large;
  int parts;
};
// The fastest plan by the model in docs/kernels.md.
WgradPlan wgrad_plan(const ConvProblem& problem, Precision precision, bool plain);

// One function for each precision: each is a file, as they take long to compile.
void wgrad_gemm_fp32(const WgradArguments& call, const WgradPlan& plan, Stream stream);
void wgrad_gemm_tf32(const WgradArguments& call, const WgradPlan& plan, Stream stream);
void wgrad_gemm_fp16(const WgradArguments& call, const WgradPlan& plan, Stream stream);
void wgrad_gemm_bf16(const WgradArguments& call, const WgradPlan& plan, Stream stream);

// dweights of a depthwise convolution.
void wgrad_depthwise(const WgradArguments& call, Stream stream);

}  // namespace pydarknet
