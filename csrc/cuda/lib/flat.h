// For ops that treat arrays as rows of floats, whatever their shape: four floats a thread.
#pragma once
#include "cuda/lib/lanes.h"

namespace pydarknet {

// Floats i to i + 4 of any array that begins on 16 bytes.
struct FourFloats {
  std::int64_t i;
  __device__ Lanes load(const float* from) const { return pydarknet::load(from + i); }
  __device__ void store(float* to, Lanes v) const { pydarknet::store(to + i, v); }
  __device__ void fill(float* to, float v) const { store(to, splat(v)); }
};

struct OneFloat {
  std::int64_t i;
  __device__ float load(const float* from) const { return from[i]; }
  __device__ void store(float* to, float v) const { to[i] = v; }
  __device__ void fill(float* to, float v) const { store(to, v); }
};

template <class Body>
__global__ void flat_kernel(std::int64_t fours, std::int64_t count, Body body) {
  for (std::int64_t i = global_thread(); i < fours; i += global_threads()) body(FourFloats{4 * i});
  for (std::int64_t i = 4 * fours + global_thread(); i < count; i += global_threads()) body(OneFloat{i});
}

// Calls body(FourFloats or OneFloat) for all of [0, count). `arrays` are those that the body reads or writes:
// parts of larger arrays may begin anywhere, and then go float by float.
template <class Body, class... Arrays>
void for_flat(const char* name, std::int64_t count, Stream stream, Body body, Arrays... arrays) {
  const bool aligned = ((reinterpret_cast<std::uintptr_t>(arrays) % sizeof(Lanes) == 0) && ...);
  const std::int64_t fours = aligned ? count / 4 : 0, threads = aligned ? (count + 3) / 4 : count;
  constexpr int kThreads = 256;
  launch(name, flat_kernel<Body>, grid_for(threads, kThreads), kThreads, 0, stream, fours, count, body);
}

}  // namespace pydarknet
