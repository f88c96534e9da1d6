// Where sums go: to their place in y, or beside other parts of the same sums.
#pragma once
#include "cuda/conv/algorithm.h"
#include "cuda/conv/sources.h"
#include "cuda/lib/activation.h"
#include "device.h"

namespace pydarknet {

__device__ inline float finished(const ConvResult& result, float sum, float before, int filter, int filters) {
  if (filter >= filters) return 0.0f;
  return before + apply(result.activation, result.bias ? sum + result.bias[filter] : sum);
}

// Stores four filters of a pixel; those that don't exist become zero.
__device__ inline void finish(const ConvProblem& p, const ConvResult& result, int bundle, int block,
                              int pixel, float4 sums) {
  const int filters = p.bundles.total_filters, first = bundle * p.bundles.filters() + block * kBlock;
  if (first >= filters) return;
  const ProblemPixel at(p, pixel);
  const std::int64_t line =
      ((std::int64_t{at.image} * blocks_of(filters) + first / kBlock) * p.y.out_size + p.y.out_first) +
      std::int64_t{at.row} * p.y.out_step;
  const std::int64_t place = line * p.x.out_size + p.x.out_first + at.column * p.x.out_step;
  float4& y = reinterpret_cast<float4*>(result.y)[place];
  const float4 before = result.accumulate ? y : make_float4(0, 0, 0, 0);
  y = make_float4(finished(result, sums.x, before.x, first, filters),
                  finished(result, sums.y, before.y, first + 1, filters),
                  finished(result, sums.z, before.z, first + 2, filters),
                  finished(result, sums.w, before.w, first + 3, filters));
}

// A part of the sum of four filters of a pixel: [part][bundle][filter block][pixel].
__device__ inline float4& part_of(const ConvProblem& p, float* parts, int part, int bundle, int block,
                                  int pixel) {
  const std::int64_t row =
      (std::int64_t{part} * p.bundles.count + bundle) * p.bundles.filter_blocks() + block;
  return reinterpret_cast<float4*>(parts)[row * p.pixels() + pixel];
}

}  // namespace pydarknet
