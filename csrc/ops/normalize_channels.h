// AlexeyAB's activations across channels, and the weights of his weighted [shortcut], which are shares by the
// same formulas.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// What is left in the divisor when all numbers are 0.
inline constexpr float kShareEpsilon = 1e-4f;

// The share of v among several numbers: what their kind makes of v, divided by the sum of that over all
// and kShareEpsilon. kPlain: v itself.
enum class ShareKind {
  kPlain,
  kRelu,        // v above 0, else 0
  kSoftmax,     // exp(v), which can overflow
  kSoftmaxTop,  // exp(v - the largest)
};

// Each pixel's channels become their shares. y may be x.
void normalize_channels_forward(ConstPlain x, Plain y, ShareKind kind, Stream stream);

// Darknet's approximate gradient, in place: each dy times the sum of y * dy over the channels; with kRelu
// only where y is above 0, elsewhere dy stays.
void normalize_channels_backward(ConstPlain y, Plain dy, ShareKind kind, Stream stream);

// Of `terms` layers that are added: scales[t][c] is the share of weights[t][c] among all t, for c up to
// `channels`. With `each` 1 a layer has one weight for all channels, else `each` is `channels`.
struct ShortcutWeights {
  int terms, each, channels;
};
void shortcut_weights(const float* weights, float* scales, ShortcutWeights sizes, ShareKind kind,
                      Stream stream);

}  // namespace pydarknet
