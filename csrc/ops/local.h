#pragma once
#include "ops/activation.h"
#include "ops/tensor.h"

namespace pydarknet {

struct LocalShape {
  int kernel, stride, pad;
};

// Locally connected: a convolution whose filters differ from location to location. weights (y.h * y.w, y.c,
// x.c, kernel, kernel), biases (y.c, y.h, y.w). Pixels outside x are 0. Plain.
void local_forward(ConstPlain x, const float* weights, const float* biases, Plain y, LocalShape shape,
                   Activation activation, Stream stream);

// dweights and dbiases grow; dx is written, or grows with `accumulate`, and may be without data. dy is the
// gradient before the activation.
struct LocalGradients {
  Plain dx;
  bool accumulate;
  float *dweights, *dbiases;
};
void local_backward(ConstPlain x, const float* weights, ConstPlain dy, LocalGradients gradients,
                    LocalShape shape, Stream stream);

}  // namespace pydarknet
