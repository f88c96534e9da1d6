#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Local response normalisation across channels: y = x * (kappa + alpha * s)^-beta, where s sums x^2 over
// channels c - (size - 1) / 2 to c + size / 2. Like Darknet's running sum, which never adds channel size / 2
// but does subtract it later, s lacks that channel everywhere. Plain; y must not be x.
void lrn_forward(ConstPlain x, Plain y, int size, float alpha, float beta, float kappa, Stream stream);

}  // namespace pydarknet
