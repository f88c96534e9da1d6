// Sums and maxima over a warp or a block, in an order that depends on nothing but the block's size.
// Plain code over the device's vocabulary: the emulator compiles it too.
#pragma once

namespace pydarknet {

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Greater {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

// All 32 lanes get the result; all must call.
template <class T, class F>
__device__ T warp_reduce(T value, F combine) {
  for (int lanes = 16; lanes; lanes /= 2) value = combine(value, __shfl_xor_sync(0xffffffffu, value, lanes));
  return value;
}

// All threads of the block get the result; all must call. The block is a multiple of 32 threads, in 1, 2 or 3
// dimensions. `nothing` leaves every number as it is.
template <class T, class F>
__device__ T block_reduce(T value, F combine, T nothing) {
  using Partial = T[32];
  PYDARKNET_SHARED(Partial, partial);
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned warp = thread / 32, lane = thread % 32;
  const unsigned warps = blockDim.x * blockDim.y * blockDim.z / 32;
  value = warp_reduce(value, combine);
  __syncthreads();  // whoever still reads the result of the last call
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return warp_reduce(lane < warps ? partial[lane] : nothing, combine);
}

template <class T>
__device__ T warp_sum(T value) {
  return warp_reduce(value, Add{});
}
template <class T>
__device__ T block_sum(T value) {
  return block_reduce(value, Add{}, T(0));
}
template <class T>
__device__ T block_max(T value) {
  // Any value of the block may fill the places of missing warps.
  return block_reduce(value, Greater{}, value);
}

}  // namespace pydarknet
