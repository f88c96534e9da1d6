// A block of threads as a thread group, see csrc/shared/thread_group.h. All of them must make each call.
#pragma once
#include "device.h"

namespace pydarknet {

struct ThreadBlock {
  __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  __device__ int size() const { return static_cast<int>(blockDim.x); }
  __device__ void wait() const { __syncthreads(); }
  __device__ double sum(double value) const { return block_sum(value); }
  __device__ double highest(double value) const { return block_max(value); }
  // A warp for each marked item.
  template <class Marked, class Body>
  __device__ void for_marked(std::int64_t count, Marked&& marked, Body&& body) const {
    constexpr int kWarp = 32;
    const int lane = rank() % kWarp;
    for (std::int64_t first = rank() - lane; first < count; first += size()) {
      const unsigned found = __ballot_sync(0xffffffffu, first + lane < count && marked(first + lane));
      for (int i = 0; i < kWarp; ++i) {
        if (found >> i & 1) body(first + i, lane, kWarp);
      }
    }
  }
};

}  // namespace pydarknet
