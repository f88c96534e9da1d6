#include <cmath>

#include "cuda/lib/flat.h"
#include "ops/update.h"

namespace pydarknet {
namespace {

struct SgdUpdate {
  float *weights, *updates;
  Sgd sgd;

  template <class At>
  __device__ void operator()(At at) const {
    const auto w = at.load(weights), update = at.load(updates) - w * sgd.decay;
    at.store(weights, w + update * sgd.rate);
    at.store(updates, update * sgd.momentum);
  }
};

struct AdamUpdate {
  float *weights, *gradients, *m, *v;
  Adam adam;
  float m_scale, v_scale;

  // What is added to a weight.
  __device__ float operator()(float first, float second) const {
    return adam.rate * (first * m_scale) / (sqrtf(second * v_scale) + adam.epsilon);
  }
  template <class At>
  __device__ void operator()(At at) const {
    const auto w = at.load(weights), gradient = at.load(gradients) - w * adam.decay;
    const auto first = at.load(m) * adam.beta1 + gradient * (1.0f - adam.beta1);
    const auto second = at.load(v) * adam.beta2 + gradient * gradient * (1.0f - adam.beta2);
    at.store(weights, w + map(*this, first, second));
    at.store(m, first);
    at.store(v, second);
    at.fill(gradients, 0.0f);
  }
};

}  // namespace

void sgd_update(float* weights, float* updates, std::int64_t count, Sgd sgd, Stream stream) {
  for_flat("sgd_update", count, stream, SgdUpdate{weights, updates, sgd}, weights, updates);
}

void adam_update(float* weights, float* gradients, float* m, float* v, std::int64_t count, Adam adam,
                 Stream stream) {
  const double t = static_cast<double>(adam.t);
  const float m_scale = static_cast<float>(1.0 / (1.0 - std::pow(double{adam.beta1}, t)));
  const float v_scale = static_cast<float>(1.0 / (1.0 - std::pow(double{adam.beta2}, t)));
  for_flat("adam_update", count, stream, AdamUpdate{weights, gradients, m, v, adam, m_scale, v_scale},
           weights, gradients, m, v);
}

}  // namespace pydarknet
