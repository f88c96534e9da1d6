// Launches with the error checked and named.
#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "ops/tensor.h"
#include "shared/device_failure.h"

namespace pydarknet {

inline void check_cuda(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // or it would be reported again by the next call, which did nothing wrong
  throw DeviceFailure(what + ": " + cudaGetErrorString(error));
}

inline cudaStream_t cuda_stream(Stream stream) { return static_cast<cudaStream_t>(stream.handle); }

// A grid without blocks is no launch. Blocks may have more dynamic shared memory than every device grants.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, A... arguments) {
  constexpr std::size_t kAlwaysGranted = 48 << 10;
  if (!grid.x || !grid.y || !grid.z) return;
  const auto* entry = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > kAlwaysGranted) {
    check_cuda(cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes)),
               name);
  }
  const auto call = [&](P... parameters) {
    void* pointers[] = {const_cast<void*>(static_cast<const void*>(&parameters))..., nullptr};
    check_cuda(cudaLaunchKernel(entry, grid, block, pointers, shared_bytes, cuda_stream(stream)), name);
  };
  call(arguments...);
}

// Blocks for a loop in steps of global_threads() over `count` items.
inline unsigned grid_for(std::int64_t count, int block = 256) {
  return static_cast<unsigned>(std::min<std::int64_t>((count + block - 1) / block, 4096));
}

__device__ inline std::int64_t global_thread() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline std::int64_t global_threads() { return std::int64_t{gridDim.x} * blockDim.x; }

// Whether the tensor cores take TF32 and BF16.
inline bool device_supports_tf32() {
  int device = 0, major = 0;
  check_cuda(cudaGetDevice(&device), "device");
  check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "device");
  return major >= 8;
}

}  // namespace pydarknet
