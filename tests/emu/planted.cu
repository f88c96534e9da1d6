// Kernels with one mistake each, in the line marked "wrong:", and their right twins. All have one signature:
// x holds n floats, y as many as the test says. tests/emu/test_checks.py runs them.
#include <cstring>

#include "device.h"

namespace {

using namespace pydarknet;
using Row = float[64];

__global__ void missing_barrier(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  y[i] = row[n - 1 - i];  // wrong: missing_barrier
}
__global__ void barrier_between(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  __syncthreads();
  y[i] = row[n - 1 - i];
}

// The row is written again while others may still read it.
__global__ void missing_second_barrier(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  float sum = 0;
  for (int step = 0; step < 2; ++step) {
    row[i] = x[i] + step;  // wrong: missing_second_barrier
    __syncthreads();
    sum += row[n - 1 - i];  // or: missing_second_barrier
  }
  y[i] = sum;
}
__global__ void second_barrier(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  float sum = 0;
  for (int step = 0; step < 2; ++step) {
    row[i] = x[i] + step;
    __syncthreads();
    sum += row[n - 1 - i];
    __syncthreads();
  }
  y[i] = sum;
}

__global__ void missing_syncwarp(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  y[i] = row[i ^ 1];  // wrong: missing_syncwarp
}
__global__ void syncwarp_between(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  __syncwarp();
  y[i] = row[i ^ 1];
}
// __syncwarp orders one warp only.
__global__ void syncwarp_across_warps(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  __syncwarp();
  y[i] = row[n - 1 - i];  // wrong: syncwarp_across_warps
}

__global__ void shared_off_by_one(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  row[i + 1] = x[i];  // wrong: shared_off_by_one
  __syncthreads();
  y[i] = row[1];
}
__global__ void dynamic_shared_off_by_one(const float* x, float* y, int) {
  PYDARKNET_DYNAMIC_SHARED(float, row);
  const unsigned i = threadIdx.x;
  row[i + 1] = x[i];  // wrong: dynamic_shared_off_by_one
  y[i] = row[i + 1];
}
__global__ void dynamic_shared(const float* x, float* y, int) {
  PYDARKNET_DYNAMIC_SHARED(float, row);
  const unsigned i = threadIdx.x;
  row[i] = x[i];
  y[i] = row[i];
}

__global__ void global_read_off_by_one(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i] = x[i + 1];  // wrong: global_read_off_by_one
}
__global__ void global_write_off_by_one(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i + 1] = x[i];  // wrong: global_write_off_by_one
}
__global__ void write_to_input(const float* x, float*, int) {
  const_cast<float*>(x)[threadIdx.x] = 1;  // wrong: write_to_input
}

__global__ void caller_not_in_mask(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i] = __shfl_xor_sync(0x0000ffffu, x[i], 1);  // wrong: caller_not_in_mask
}
__global__ void source_not_in_mask(const float* x, float* y, int) {
  const unsigned i = threadIdx.x, mask = i % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
  y[i] = __shfl_xor_sync(mask, x[i], 16);  // wrong: source_not_in_mask
}
__global__ void halves_of_a_warp(const float* x, float* y, int) {
  const unsigned i = threadIdx.x, mask = i % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
  y[i] = __shfl_xor_sync(mask, x[i], 8);
}
__global__ void lanes_disagree(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  if (i % 2) {
    y[i] = __shfl_xor_sync(0xffffffffu, x[i], 2);  // wrong: lanes_disagree
  } else {
    y[i] = __shfl_down_sync(0xffffffffu, x[i], 2);  // or: lanes_disagree
  }
}
__global__ void lane_has_ended(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  if (i % 32 == 0) return;
  y[i] = __shfl_down_sync(0xffffffffu, x[i], 1);  // wrong: lane_has_ended
}
__global__ void early_exit(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i] = x[i];
  if (i % 32 == 0) return;
  y[i] = __shfl_down_sync(0xfffffffeu, x[i], 1);
}

__global__ void barrier_after_exit(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  if (i == 7) return;
  __syncthreads();  // wrong: barrier_after_exit
  y[i] = x[i];
}
__global__ void barriers_of_two_branches(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  if (i < 32) {
    __syncthreads();  // or: barriers_of_two_branches
  } else {
    __syncthreads();  // wrong: barriers_of_two_branches
  }
  y[i] = x[i];
}

__global__ void waits_for_the_ended(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i] = x[i];
  if (i == 0) __syncwarp(0x3u);  // wrong: waits_for_the_ended
}

__global__ void polls(const float*, float* y, int) {
  if (threadIdx.x == 0) {
    while (atomicAdd(y, 0.0f) == 0) {  // wrong: polls
    }
  }
  if (threadIdx.x == 1) atomicAdd(y, 1.0f);
}

using Fours = float4[16];
__global__ void missing_async_wait(const float* x, float* y, int) {
  PYDARKNET_SHARED(Fours, row);
  const unsigned i = threadIdx.x;
  if (i < 16) cp_async16(&row[i], x + 4 * i, true);
  cp_async_commit();
  __syncthreads();
  y[i] = reinterpret_cast<const float*>(row)[i];  // wrong: missing_async_wait
}
__global__ void async_wait_without_barrier(const float* x, float* y, int n) {
  PYDARKNET_SHARED(Fours, row);
  const unsigned i = threadIdx.x;
  if (i < 16) cp_async16(&row[i], x + 4 * i, true);
  cp_async_commit();
  cp_async_wait<0>();
  y[i] = reinterpret_cast<const float*>(row)[n - 1 - i];  // wrong: async_wait_without_barrier
}
__global__ void async_wait_for_too_few(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  cp_async4(&row[i], x + i, true);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  y[i] = row[i];  // wrong: async_wait_for_too_few
}
__global__ void async_copies(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  PYDARKNET_SHARED(Row, zeros);
  const unsigned i = threadIdx.x;
  cp_async4(&row[i], x + i, true);
  cp_async_commit();
  cp_async4(&zeros[i], x + (1 << 20), false);
  cp_async_commit();
  cp_async_wait<1>();
  __syncthreads();
  const float first = row[63 - i];
  cp_async_wait<0>();
  __syncthreads();
  y[i] = first + zeros[63 - i];
}

__global__ void lost_atomic(const float* x, float* y, int) {
  y[0] += x[threadIdx.x];  // wrong: lost_atomic
}
__global__ void lost_atomic_of_blocks(const float* x, float* y, int) {
  if (threadIdx.x == 0) y[0] += x[0];  // wrong: lost_atomic_of_blocks
}
__global__ void atomics(const float* x, float* y, int) { atomicAdd(y, x[threadIdx.x]); }
__global__ void atomic_beside_a_store(const float* x, float* y, int) {
  if (threadIdx.x == 0) y[0] = 0;  // or: atomic_beside_a_store
  atomicAdd(y, x[threadIdx.x]);    // wrong: atomic_beside_a_store
}
// Another block may run before or after.
__global__ void message_between_blocks(const float*, float* y, int) {
  if (threadIdx.x > 0) return;
  if (blockIdx.x == 0) y[0] = 1;     // or: message_between_blocks
  if (blockIdx.x == 1) y[1] = y[0];  // wrong: message_between_blocks
}

__global__ void uninitialised_shared(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  const unsigned i = threadIdx.x;
  if (i != 5) row[i] = x[i];
  __syncthreads();
  y[i] = row[i];  // wrong: uninitialised_shared
}
__global__ void uninitialised_scratch(const float* x, float* y, int) {
  const unsigned i = threadIdx.x;
  y[i] = x[i];  // wrong: uninitialised_scratch
}

__global__ void misaligned_load(const float* x, float* y, int) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1);  // wrong: misaligned_load
  y[threadIdx.x] = v.x + v.w;
}
__global__ void aligned_load(const float* x, float* y, int) {
  const float4 v = *reinterpret_cast<const float4*>(x + 4);
  y[threadIdx.x] = v.x + v.w;
}
__global__ void misaligned_async_copy(const float* x, float* y, int) {
  PYDARKNET_SHARED(Row, row);
  if (threadIdx.x == 0) cp_async16(row, x + 2, true);  // wrong: misaligned_async_copy
  y[threadIdx.x] = 0;
}

__global__ void half_a_warp_multiplies(const float*, float* y, int) {
  float d[4] = {};
  const std::uint32_t a[4] = {}, b[2] = {};
  if (threadIdx.x % 32 < 16) mma_tf32(d, a, b);  // wrong: half_a_warp_multiplies
  y[threadIdx.x] = d[0];
}

__global__ void reductions(const float* x, float* y, int) {
  const float sum = block_sum(x[threadIdx.x]), most = block_max(x[threadIdx.x]);
  y[threadIdx.x] = sum + most;
}

// What the tests call.

using Kernel = void (*)(const float*, float*, int);
struct Planted {
  const char* name;
  Kernel kernel;
};
#define PLANTED(name) {#name, name}
constexpr Planted kPlanted[] = {
    PLANTED(missing_barrier),
    PLANTED(barrier_between),
    PLANTED(missing_second_barrier),
    PLANTED(second_barrier),
    PLANTED(missing_syncwarp),
    PLANTED(syncwarp_between),
    PLANTED(syncwarp_across_warps),
    PLANTED(shared_off_by_one),
    PLANTED(dynamic_shared_off_by_one),
    PLANTED(dynamic_shared),
    PLANTED(global_read_off_by_one),
    PLANTED(global_write_off_by_one),
    PLANTED(write_to_input),
    PLANTED(caller_not_in_mask),
    PLANTED(source_not_in_mask),
    PLANTED(halves_of_a_warp),
    PLANTED(lanes_disagree),
    PLANTED(lane_has_ended),
    PLANTED(early_exit),
    PLANTED(barrier_after_exit),
    PLANTED(barriers_of_two_branches),
    PLANTED(waits_for_the_ended),
    PLANTED(polls),
    PLANTED(missing_async_wait),
    PLANTED(async_wait_without_barrier),
    PLANTED(async_wait_for_too_few),
    PLANTED(async_copies),
    PLANTED(lost_atomic),
    PLANTED(lost_atomic_of_blocks),
    PLANTED(atomics),
    PLANTED(atomic_beside_a_store),
    PLANTED(message_between_blocks),
    PLANTED(uninitialised_shared),
    PLANTED(uninitialised_scratch),
    PLANTED(misaligned_load),
    PLANTED(aligned_load),
    PLANTED(misaligned_async_copy),
    PLANTED(half_a_warp_multiplies),
    PLANTED(reductions),
};

Kernel find(const char* name) {
  for (const Planted& planted : kPlanted) {
    if (!std::strcmp(planted.name, name)) return planted.kernel;
  }
  return nullptr;
}

// Copies what() of the DeviceFailure that `work` throws; empty if it throws none.
template <class F>
void report(char* message, int bytes, F work) {
  message[0] = 0;
  emu::start_call();
  try {
    work();
  } catch (const DeviceFailure& failure) {
    std::strncpy(message, failure.what(), bytes - 1);
  }
  emu::end_call();
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void run_planted(const char* name, const float* x, int n, float* y, int m, int blocks, char* message,
                        int bytes) {
  report(message, bytes, [&] {
    emu::note_array("x", x, n * sizeof(float), false);
    emu::note_array("y", y, m * sizeof(float), true);
    launch(name, find(name), blocks, n, n * sizeof(float), Stream{}, x, y, n);
  });
}

// x is scratch memory, of which only the first half is written.
EXPORT void run_on_scratch(const char* name, int n, float* y, char* message, int bytes) {
  report(message, bytes, [&] {
    emu::note_array("y", y, n * sizeof(float), true);
    const Scratch<float> x(n, Stream{});
    set_zero(x.data(), n / 2 * sizeof(float), Stream{});
    launch(name, find(name), 1, n, 0, Stream{}, x.data(), y, n);
  });
}

EXPORT void read_on_host(const float* x, int n, float* sum, char* message, int bytes) {
  report(message, bytes, [&] {
    emu::note_array("x", x, n * sizeof(float), false);
    *sum += x[0];  // wrong: read_on_host
    launch("barrier_between", barrier_between, 1, n, 0, Stream{}, x, sum, n);
  });
}
