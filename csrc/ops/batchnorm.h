// Batch normalisation (Ioffe and Szegedy 2015) with Darknet's constants. All activations are blocked, all
// other arrays hold `channels` floats.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y = x * scale[c] + bias[c] for `channels` logical channels: batch normalisation whose mean and variance
// have been folded into scale and bias. Blocked; y may be x. Lanes past `channels` become 0.
void scale_bias(ConstTensor x, const float* scale, const float* bias, int channels, Tensor y, Stream stream);

// What a deviation from the mean is divided by: sqrt(variance) + epsilon, or sqrt(variance + epsilon).
struct Deviation {
  float epsilon;
  bool inside;
};

// Statistics of the batch, and the running ones: rolling = momentum * rolling + (1 - momentum) * batch.
struct BatchStatistics {
  float *mean, *variance, *rolling_mean, *rolling_variance;
};

// What is made of x: f(scales * (x - mean) / deviation + biases) with f(v) = max(v, slope * v). No biases
// where `biases` is null; a slope of 1 leaves v as it is.
struct Normalization {
  const float *scales, *biases;
  Deviation deviation;
  float slope;
};

// y = the normalization of x, with mean and variance of all pixels of the batch; the variance is divided by
// their number less one (0 for a single pixel). Where y has half of x's rows and columns, of each 2x2 the
// largest, as maxpool_forward has it; else y may be x. Without pixels the running statistics stay. Lanes past
// `channels` become 0.
void batchnorm_train(ConstTensor x, Tensor y, BatchStatistics statistics, Normalization normalization,
                     double momentum, int channels, Stream stream);

// Adds to dscales and, if not null, to dbiases, and writes dx, by Darknet's formulas: with v the gradient at
// what f and the pooling are given (f's slope is found from its output), d = scales * v over N pixels,
// e = sqrt(variance + backward.epsilon) and u = x - mean,
//   dx = d / D - sum(d) / (e N) - u * sum(d u) / (e^3 N),
// where D is the deviation by the rule `backward`, and dscales by the forward's rule. dx may be x, and
// dy if that has as many rows and columns.
struct BatchnormGradients {
  float *dscales, *dbiases;
};
void batchnorm_backward(ConstTensor x, const float* mean, const float* variance, Normalization normalization,
                        ConstTensor dy, Tensor dx, BatchnormGradients gradients, Deviation backward,
                        int channels, Stream stream);

// dbias[c] += sum of dy over images and pixels.
void bias_backward(ConstTensor dy, float* dbias, int channels, Stream stream);

}  // namespace pydarknet
