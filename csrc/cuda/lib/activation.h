// The activations as one device function: for the op itself, and for the epilogues it is fused into.
#pragma once
#include "device.h"
#include "shared/activation.h"

namespace pydarknet {
namespace activation {

// The arithmetic of shared/activation.h on one float.
struct Math {
  using V = float;
  __device__ static float constant(float value) { return value; }
  __device__ static float exp(float x) { return expf(x); }
  __device__ static float exp_to(float x, float top) { return expf(x > top ? top : x); }
  __device__ static float expm1(float x) { return expm1f(x); }
  __device__ static float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }
  __device__ static float tanh(float x) { return tanhf(x); }
  __device__ static float floor(float x) { return floorf(x); }
};

}  // namespace activation

__device__ inline float apply(Activation activation, float x) {
  switch (activation) {
#define PYDARKNET_CASE(each) \
  case Activation::k##each:  \
    return activation::each::f<activation::Math>(x);
    PYDARKNET_ACTIVATIONS(PYDARKNET_CASE)
#undef PYDARKNET_CASE
  }
  return x;
}

}  // namespace pydarknet
