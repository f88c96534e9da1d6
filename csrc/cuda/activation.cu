#include "cuda/lib/activation.h"
#include "cuda/lib/flat.h"

namespace pydarknet {
namespace {

struct Activate {
  float* x;
  Activation activation;

  __device__ float operator()(float v) const { return apply(activation, v); }
  template <class At>
  __device__ void operator()(At at) const {
    at.store(x, map(*this, at.load(x)));
  }
};

__device__ float between(float y, float low, float high, float inside, float outside) {
  return y > low && y < high ? inside : outside;
}

// f'(x) from y = f(x).
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
    case Activation::kLinear:
    case Activation::kSwish:
    case Activation::kMish:
    case Activation::kHardMish:
    case Activation::kGelu:
      return 1.0f;
  }
  return 1.0f;
}

struct ActivateBackward {
  const float* y;
  float* dy;
  Activation activation;

  __device__ float operator()(float gradient, float v) const { return gradient * slope(activation, v); }
  template <class At>
  __device__ void operator()(At at) const {
    at.store(dy, map(*this, at.load(dy), at.load(y)));
  }
};

}  // namespace

void activate(float* x, std::int64_t count, Activation activation, Stream stream) {
  if (activation == Activation::kLinear) return;
  for_flat("activate", count, stream, Activate{x, activation}, x);
}

void activate_backward(const float* y, float* dy, std::int64_t count, Activation activation, Stream stream) {
  if (activation == Activation::kLinear) return;
  for_flat("activate_backward", count, stream, ActivateBackward{y, dy, activation}, y, dy);
}

}  // namespace pydarknet
