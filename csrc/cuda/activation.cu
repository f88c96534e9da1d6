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

__device__ float slope(Activation activation, float v) {
  switch (activation) {
#define PYDARKNET_CASE(each) \
  case Activation::k##each:  \
    return activation::each::slope<activation::Math>(v);
    PYDARKNET_ACTIVATIONS(PYDARKNET_CASE)
#undef PYDARKNET_CASE
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
