// The main loop of both implicit GEMMs: stages are filled by asynchronous copies while earlier ones are
// multiplied.
#pragma once
#include "device.h"

namespace pydarknet {

template <int kStages, class Pipeline, class Sums>
__device__ void sum_steps(Pipeline& pipeline, int count, Sums& sums) {
#pragma unroll
  for (int i = 0; i < kStages - 1; ++i) {
    if (i < count) pipeline.load(i);
    cp_async_commit();
  }
  int stage = 0, next = kStages - 1;
#pragma unroll 1
  for (int i = 0; i < count; ++i) {
    cp_async_wait<kStages - 2>();
    __syncthreads();  // the stage has arrived for all, and nobody reads the one that is filled next
    if (i + kStages - 1 < count) pipeline.load(next);
    cp_async_commit();
    pipeline.multiply(stage, sums);
    stage = stage + 1 == kStages ? 0 : stage + 1;
    next = next + 1 == kStages ? 0 : next + 1;
  }
  cp_async_wait<0>();
  __syncthreads();  // all stages are free
}

}  // namespace pydarknet
