// Steps of the optimisers, on `count` weights in any order.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Darknet's momentum, where the sums of gradients of all steps before are in `updates` too:
// updates -= decay * weights; weights += rate * updates; updates *= momentum.
struct Sgd {
  float rate, momentum, decay;
};
void sgd_update(float* weights, float* updates, std::int64_t count, Sgd sgd, Stream stream);

// Adam (Kingma and Ba 2015) as Darknet has it: the decay is part of the gradient, which points uphill in the
// sense of `weights` += and becomes 0. `t` counts steps from 1.
struct Adam {
  float rate, beta1, beta2, epsilon, decay;
  std::int64_t t;
};
void adam_update(float* weights, float* gradients, float* m, float* v, std::int64_t count, Adam adam,
                 Stream stream);

}  // namespace pydarknet
