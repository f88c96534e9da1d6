// Places for what some threads of a block have found, in the order of the threads.
#pragma once
#include "device.h"

namespace pydarknet {

// The number of marked threads before this one; all of them in *marked_threads. All threads of a block of one
// dimension, a multiple of 32, must call.
__device__ inline int block_rank(bool marked, int* marked_threads) {
  using Counts = int[32];
  PYDARKNET_SHARED(Counts, counts);
  const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned votes = __ballot_sync(0xffffffffu, marked);
  __syncthreads();  // whoever still reads the counts of the last call
  if (lane == 0) counts[warp] = __popc(votes);
  __syncthreads();
  int rank = __popc(votes & ((1u << lane) - 1)), all = 0;
  for (unsigned w = 0; w < blockDim.x / 32; ++w) {
    if (w == warp) rank += all;
    all += counts[w];
  }
  *marked_threads = all;
  return rank;
}

}  // namespace pydarknet
