// Launches, memory and copies. A launch has ended when it returns, so streams mean nothing.
#pragma once
#include <algorithm>
#include <cstring>
#include <tuple>

#include "emu/machine/counts.h"
#include "emu/machine/memory.h"
#include "emu/vocabulary/types.h"
#include "ops/tensor.h"
#include "shared/device_failure.h"

namespace pydarknet {
namespace emu {

struct Launch {
  const char* name;
  dim3 grid, block;
  std::size_t shared_bytes;  // dynamic shared memory
  void (*body)(const void* call);
  const void* call;  // the kernel and its parameters
  std::size_t call_bytes;
};

// Runs all threads of all blocks; throws DeviceFailure with what the first wrong thread did.
void run(const Launch& launch);

template <class... P>
struct KernelCall {
  void (*kernel)(P...);
  std::tuple<std::decay_t<P>...> arguments;

  static void run(const void* self) {
    const auto& call = *static_cast<const KernelCall*>(self);
    std::apply(call.kernel, call.arguments);
  }
};

}  // namespace emu

template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes,
            Stream stream, A... arguments) {
  emu::count(&emu::Counts::launches, stream);
  const emu::KernelCall<P...> call{kernel, {arguments...}};
  emu::run({name, grid, block, shared_bytes, &emu::KernelCall<P...>::run, &call, sizeof call});
}

// Blocks for a loop in steps of global_threads() over `count` items.
inline unsigned grid_for(std::int64_t count, int block = 256) {
  return static_cast<unsigned>(std::min<std::int64_t>((count + block - 1) / block, 4096));
}

inline std::int64_t global_thread() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
inline std::int64_t global_threads() { return std::int64_t{gridDim.x} * blockDim.x; }

void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream);
void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream);
void copy_on_device(void* to, const void* from, std::size_t bytes, Stream stream);
void set_zero(void* to, std::size_t bytes, Stream stream);

// Whether the tensor cores take TF32 and BF16.
inline bool device_supports_tf32() { return true; }

// Device memory until the end of the scope.
template <class T>
class Scratch {
 public:
  Scratch(std::int64_t count, Stream stream) : data_(emu::allocate(count * sizeof(T))) {
    if (count) emu::count(&emu::Counts::allocations, stream);
  }
  ~Scratch() { emu::release(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return static_cast<T*>(data_); }

 private:
  void* data_;
};

}  // namespace pydarknet
