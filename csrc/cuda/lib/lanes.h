// The lanes of one pixel of blocked activations: a float4, so that every access is an aligned 128-bit one.
#pragma once
#include "device.h"
#include "ops/tensor.h"

namespace pydarknet {

static_assert(kBlock == 4, "kernels move a pixel's lanes as one float4");
using Lanes = float4;

__device__ __forceinline__ Lanes splat(float v) { return make_float4(v, v, v, v); }
__device__ __forceinline__ Lanes load(const float* from) { return *reinterpret_cast<const Lanes*>(from); }
__device__ __forceinline__ void store(float* to, Lanes v) { *reinterpret_cast<Lanes*>(to) = v; }

// f of each lane. Of a float too: kernels of rows of floats end with single ones.
template <class F>
__device__ __forceinline__ Lanes map(F f, Lanes a) {
  return make_float4(f(a.x), f(a.y), f(a.z), f(a.w));
}
template <class F>
__device__ __forceinline__ Lanes map(F f, Lanes a, Lanes b) {
  return make_float4(f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w));
}
template <class F, class... Floats>
__device__ __forceinline__ float map(F f, Floats... v) {
  return f(v...);
}

__device__ __forceinline__ Lanes operator+(Lanes a, Lanes b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}
__device__ __forceinline__ Lanes operator-(Lanes a, Lanes b) {
  return make_float4(a.x - b.x, a.y - b.y, a.z - b.z, a.w - b.w);
}
__device__ __forceinline__ Lanes operator*(Lanes a, Lanes b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
__device__ __forceinline__ Lanes operator/(Lanes a, Lanes b) {
  return make_float4(a.x / b.x, a.y / b.y, a.z / b.z, a.w / b.w);
}
__device__ __forceinline__ Lanes operator*(Lanes a, float b) { return a * splat(b); }

// Up to four floats from `from` on, of which `count` exist; 0 in the other lanes.
__device__ __forceinline__ Lanes load_first(const float* from, int count) {
  return make_float4(count > 0 ? from[0] : 0.0f, count > 1 ? from[1] : 0.0f, count > 2 ? from[2] : 0.0f,
                     count > 3 ? from[3] : 0.0f);
}

// Gradients either become what they are given or add it: a value read twice gets two gradients.
__device__ __forceinline__ void put(float* to, Lanes v, bool accumulate) {
  store(to, accumulate ? load(to) + v : v);
}

}  // namespace pydarknet
