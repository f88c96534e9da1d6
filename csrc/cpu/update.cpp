#include "ops/update.h"

#include <cmath>

#include "cpu/lib/flat.h"

namespace pydarknet {
namespace {

using simd::Lanes;

Lanes root(Lanes v) {
  for (int lane = 0; lane < kBlock; ++lane) v[lane] = std::sqrt(v[lane]);
  return v;
}

}  // namespace

void sgd_update(float* weights, float* updates, std::int64_t count, Sgd sgd, Stream) {
  for_flat(count, [&](auto at) {
    const Lanes w = at.load(weights), update = at.load(updates) - sgd.decay * w;
    at.store(weights, w + sgd.rate * update);
    at.store(updates, update * sgd.momentum);
  });
}

void adam_update(float* weights, float* gradients, float* m, float* v, std::int64_t count, Adam adam,
                 Stream) {
  const double t = static_cast<double>(adam.t);
  const float m_scale = static_cast<float>(1.0 / (1.0 - std::pow(double{adam.beta1}, t)));
  const float v_scale = static_cast<float>(1.0 / (1.0 - std::pow(double{adam.beta2}, t)));
  for_flat(count, [&](auto at) {
    const Lanes w = at.load(weights), gradient = at.load(gradients) - adam.decay * w;
    const Lanes first = adam.beta1 * at.load(m) + (1.0f - adam.beta1) * gradient;
    const Lanes second = adam.beta2 * at.load(v) + (1.0f - adam.beta2) * (gradient * gradient);
    at.store(weights, w + adam.rate * (first * m_scale) / (root(second * v_scale) + adam.epsilon));
    at.store(m, first);
    at.store(v, second);
    at.store(gradients, Lanes{});
  });
}

}  // namespace pydarknet
