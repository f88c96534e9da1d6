// The activations as one device function: for the op itself, and for the epilogues it is fused into.
#pragma once
#include "device.h"
#include "ops/activation.h"

namespace pydarknet {
namespace activation {

__device__ inline float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ inline float elu(float x, float scale) { return x >= 0.0f ? x : scale * expm1f(x); }
__device__ inline float plse(float x) {
  if (x < -4.0f) return 0.01f * (x + 4.0f);
  return x > 4.0f ? 0.01f * (x - 4.0f) + 1.0f : 0.125f * x + 0.5f;
}
__device__ inline float hardtan(float x) { return x < -1.0f ? -1.0f : x > 1.0f ? 1.0f : x; }
__device__ inline float lhtan(float x) {
  if (x < 0.0f) return 0.001f * x;
  return x > 1.0f ? 0.001f * (x - 1.0f) + 1.0f : x;
}
__device__ inline float relu6(float x) { return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x; }
// x * tanh(log(1 + e^x)): with e = e^x the tanh is e(e + 2) / (e(e + 2) + 2), which is 1 from x = 20 on.
__device__ inline float mish(float x) {
  const float e = expf(x > 20.0f ? 20.0f : x), product = e * (e + 2.0f);
  return x * (product / (product + 2.0f));
}
__device__ inline float hard_mish(float x) {
  if (x > 0.0f) return x;
  return x > -2.0f ? x * x * 0.5f + x : 0.0f;
}
__device__ inline float gelu(float x) {
  return 0.5f * x * (1.0f + tanhf(0.797885f * x + 0.035677f * x * x * x));
}
// Steps on even unit intervals, slopes on odd ones.
__device__ inline float stair(float x) {
  const float floor = floorf(x), half = floorf(x * 0.5f);
  return floor == 2.0f * half ? half : (x - floor) + half;
}

}  // namespace activation

__device__ inline float apply(Activation activation, float x) {
  switch (activation) {
    case Activation::kLinear:
      return x;
    case Activation::kLogistic:
      return activation::logistic(x);
    case Activation::kLoggy:
      return tanhf(0.5f * x);
    case Activation::kRelu:
      return x > 0.0f ? x : 0.0f;
    case Activation::kElu:
      return activation::elu(x, 1.0f);
    case Activation::kSelu:
      return 1.0507f * activation::elu(x, 1.6732f);
    case Activation::kRelie:
      return x > 0.0f ? x : x * 0.01f;
    case Activation::kPlse:
      return activation::plse(x);
    case Activation::kHardtan:
      return activation::hardtan(x);
    case Activation::kLhtan:
      return activation::lhtan(x);
    case Activation::kRamp:
      return (x > 0.0f ? x : 0.0f) + 0.1f * x;
    case Activation::kLeaky:
      return x > 0.0f ? x : x * 0.1f;
    case Activation::kTanh:
      return tanhf(x);
    case Activation::kStair:
      return activation::stair(x);
    case Activation::kRelu6:
      return activation::relu6(x);
    case Activation::kSwish:
      return x * activation::logistic(x);
    case Activation::kMish:
      return activation::mish(x);
    case Activation::kHardMish:
      return activation::hard_mish(x);
    case Activation::kGelu:
      return activation::gelu(x);
  }
  return x;
}

}  // namespace pydarknet
