// Copies, and device memory for one call, in the order of the stream.
#pragma once
#include <cuda_runtime.h>

#include <map>
#include <mutex>

#include "cuda/shim/launch.h"

namespace pydarknet {

// Waits until the bytes are there.
inline void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda_stream(stream)), "copy_to_host");
  check_cuda(cudaStreamSynchronize(cuda_stream(stream)), "copy_to_host");
}
inline void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda_stream(stream)), "copy_to_device");
}
inline void copy_on_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda_stream(stream)),
             "copy_on_device");
}
inline void set_zero(void* to, std::size_t bytes, Stream stream) {
  check_cuda(cudaMemsetAsync(to, 0, bytes, cuda_stream(stream)), "set_zero");
}

// A pool on `device`, nullptr where the device has none, as some virtual GPUs. CUDA's own pool hands what
// lies idle back to the driver whenever somebody waits, as each loss does, so that every step would map it
// anew; this one keeps some.
inline cudaMemPool_t make_pool(int device) {
  int supported = 0;
  check_cuda(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, device), "scratch memory");
  if (!supported) return nullptr;
  cudaMemPoolProps wanted{};
  wanted.allocType = cudaMemAllocationTypePinned;
  wanted.location = {cudaMemLocationTypeDevice, device};
  cudaMemPool_t pool = nullptr;
  check_cuda(cudaMemPoolCreate(&pool, &wanted), "scratch memory");
  std::uint64_t kept = std::uint64_t{64} << 20;  // bytes
  check_cuda(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept), "scratch memory");
  return pool;
}

// Where the current device's scratch memory comes from.
inline cudaMemPool_t scratch_pool() {
  static std::mutex mutex;
  static std::map<int, cudaMemPool_t> pools;
  int device = 0;
  check_cuda(cudaGetDevice(&device), "scratch memory");
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = pools.find(device);
  return found != pools.end() ? found->second : pools[device] = make_pool(device);
}

// Device memory until the end of the scope, as the stream counts time. Without a pool cudaFree waits for
// whatever may use it, and nothing can be recorded into a graph.
template <class T>
class Scratch {
 public:
  Scratch(std::int64_t count, Stream stream) : stream_(cuda_stream(stream)) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (!bytes) return;
    pool_ = scratch_pool();
    const cudaError_t error =
        pool_ ? cudaMallocFromPoolAsync(&data_, bytes, pool_, stream_) : cudaMalloc(&data_, bytes);
    const char* advice =
        error == cudaErrorMemoryAllocation ? " (a smaller input size or batch needs less)" : "";
    check_cuda(error, "scratch memory of " + std::to_string(bytes) + " bytes" + advice);
  }
  ~Scratch() {
    if (!data_) return;  // a failure here shows in the next call that can report it
    if (pool_) {
      cudaFreeAsync(data_, stream_);
    } else {
      cudaFree(data_);
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return static_cast<T*>(data_); }

 private:
  cudaStream_t stream_;
  cudaMemPool_t pool_ = nullptr;
  void* data_ = nullptr;
};

}  // namespace pydarknet
