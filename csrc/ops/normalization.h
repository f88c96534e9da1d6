#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Local response normalisation across channels: y = x * (kappa + alpha * s)^-beta, where s sums x^2 over
// channels c - (size - 1) / 2 to c + size / 2. Like Darknet's running sum, which never adds channel size / 2
// but does subtract it later, s lacks that channel everywhere. Plain; y must not be x.
struct Lrn {
  int size;
  float alpha, beta, kappa;
};
void lrn_forward(ConstPlain x, Plain y, Lrn lrn, Stream stream);

// Darknet's approximate gradient, as if s did not depend on x: dx = dy * (kappa + alpha * s)^-beta. With
// `accumulate` dx grows, else it is written; dx may be dy.
void lrn_backward(ConstPlain x, ConstPlain dy, Plain dx, Lrn lrn, bool accumulate, Stream stream);

}  // namespace pydarknet
