// What gradients, weights and binary inputs need as rows of floats, in any layout.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

void fill(float* x, std::int64_t count, float value, Stream stream);
void scale(float* x, std::int64_t count, float factor, Stream stream);
// y += x.
void add(const float* x, float* y, std::int64_t count, Stream stream);
// y is `above` where x is above 0, else `below`, where x is NaN too. y may be x.
void binarize(const float* x, float* y, std::int64_t count, float below, float above, Stream stream);

// Each of `filters` rows of as many weights: plus or minus the mean of their absolute values, by their sign.
void binarize_filters(const float* weights, float* y, int filters, std::int64_t each, Stream stream);

// The backward step of layers through which Darknet lets the gradient pass as it is ([softmax], [l2norm]):
// dx becomes, or with `accumulate` grows by, dy.
void pass_backward(const float* dy, float* dx, std::int64_t count, bool accumulate, Stream stream);

// Neither NaN nor infinity among them.
bool all_finite(const float* x, std::int64_t count, Stream stream);

}  // namespace pydarknet
