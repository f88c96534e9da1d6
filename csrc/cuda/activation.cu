#include "cuda/lib/activation.h"
#include "cuda/lib/flat.h"

namespace pydarknet {
namespace {

struct Activate {
  const float* x;
  float* y;
  Activation activation;

  __device__ float operator()(float v) const { return apply(activation, v); }
  template <class At>
  __device__ void operator()(At at) const {
    at.store(y, map(*this, at.load(x)));
  }
};

__device__ float between(float y, float low, float high, float inside, float outside) {
  return y > low && y < high ? inside : outside;
}

// Slopes at the input x.
__device__ float swish_slope(float x) {
  const float logistic = activation::logistic(x);
  return logistic + x * logistic * (1.0f - logistic);
}
// With w = e^x (e^x + 2), tanh(log(1 + e^x)) is w / (w + 2), whose slope is 4 e^x (e^x + 1) / (w + 2)^2.
// From x = 20 on the slope is 1.
__device__ float mish_slope(float x) {
  const float v = x > 20.0f ? 20.0f : x, e = expf(v), w = e * (e + 2.0f), above = w + 2.0f;
  return w / above + v * (4.0f * e * (e + 1.0f) / (above * above));
}
__device__ float hard_mish_slope(float x) {
  if (x > 0.0f) return 1.0f;
  return x > -2.0f ? x + 1.0f : 0.0f;
}
// The tanh is 1 or -1 beyond the bounds, which keep squares finite.
__device__ float gelu_slope(float x) {
  const float v = x < -10.0f ? -10.0f : x > 10.0f ? 10.0f : x;
  const float tanh = tanhf(0.797885f * v + 0.035677f * v * v * v);
  return 0.5f * (1.0f + tanh) + 0.5f * v * (1.0f - tanh * tanh) * (0.797885f + 0.107031f * v * v);
}

// f'(x) from y = f(x), or from x itself for the last ones.
__device__ float slope(Activation activation, float y) {
  switch (activation) {
    case Activation::kLogistic:
      return (1.0f - y) * y;
    case Activation::kLoggy: {
      const float logistic = (y + 1.0f) * 0.5f;
      return 2.0f * (1.0f - logistic) * logistic;
    }
    case Activation::kRelu:
      return y > 0.0f ? 1.0f : 0.0f;
    case Activation::kElu:
      return y >= 0.0f ? 1.0f : y + 1.0f;
    case Activation::kSelu:
      return y >= 0.0f ? 1.0507f : y + 1.0507f * 1.6732f;
    case Activation::kRelie:
      return y > 0.0f ? 1.0f : 0.01f;
    case Activation::kPlse:
      return y < 0.0f || y > 1.0f ? 0.01f : 0.125f;
    case Activation::kHardtan:
      return between(y, -1.0f, 1.0f, 1.0f, 0.0f);
    case Activation::kLhtan:
      return between(y, 0.0f, 1.0f, 1.0f, 0.001f);
    case Activation::kRamp:
      return y > 0.0f ? 1.1f : 0.1f;
    case Activation::kLeaky:
      return y > 0.0f ? 1.0f : 0.1f;
    case Activation::kTanh:
      return 1.0f - y * y;
    case Activation::kStair:  // Equal numbers mean that y lies on a step of the stairs.
      return floorf(y) == y ? 0.0f : 1.0f;
    case Activation::kRelu6:
      return between(y, 0.0f, 6.0f, 1.0f, 0.0f);
    case Activation::kSwish:
      return swish_slope(y);
    case Activation::kMish:
      return mish_slope(y);
    case Activation::kHardMish:
      return hard_mish_slope(y);
    case Activation::kGelu:
      return gelu_slope(y);
    case Activation::kLinear:
      return 1.0f;
  }
  return 1.0f;
}

struct ActivateBackward {
  const float* v;
  float* dy;
  Activation activation;

  __device__ float operator()(float gradient, float v) const { return gradient * slope(activation, v); }
  template <class At>
  __device__ void operator()(At at) const {
    at.store(dy, map(*this, at.load(dy), at.load(v)));
  }
};

}  // namespace

void activate(const float* x, float* y, std::int64_t count, Activation activation, Stream stream) {
  if (activation == Activation::kLinear && x == y) return;
  for_flat("activate", count, stream, Activate{x, y, activation}, x, y);
}

void activate_backward(const float* v, float* dy, std::int64_t count, Activation activation, Stream stream) {
  if (activation == Activation::kLinear) return;
  for_flat("activate_backward", count, stream, ActivateBackward{v, dy, activation}, v, dy);
}

}  // namespace pydarknet
