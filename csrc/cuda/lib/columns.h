// For ops that look along the channels of plain activations: a block of threads takes neighbouring pixels
// along x, and shares out the channels along y.
#pragma once
#include <algorithm>

#include "device.h"

namespace pydarknet {

constexpr int kColumnThreads = 256;

// One pixel alone leaves all threads to the channels, `channels` of them.
inline dim3 column_block(std::int64_t pixels, std::int64_t channels) {
  const unsigned across = pixels > 1 ? 32 : 1;
  unsigned along = 1;
  while (along < kColumnThreads / across && along < channels) along *= 2;
  return dim3(across, along);
}

// f over all threads with the same pixel, always in the same order; every thread must call it.
template <class F>
__device__ float column_reduce(float v, F f) {
  using Values = float[kColumnThreads];
  PYDARKNET_SHARED(Values, values);
  __syncthreads();  // what was there may still be read
  values[threadIdx.y * blockDim.x + threadIdx.x] = v;
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      float& mine = values[threadIdx.y * blockDim.x + threadIdx.x];
      mine = f(mine, values[(threadIdx.y + half) * blockDim.x + threadIdx.x]);
    }
  }
  __syncthreads();
  return values[threadIdx.x];
}

}  // namespace pydarknet
