#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Where a truth has this number, loss and delta are 0 (Darknet's SECRET_NUM).
inline constexpr float kNoTruth = -1234;

// Rows of `inputs` floats, one for each image.
struct LossRows {
  const float *output, *truth;
  float* delta;
  std::int64_t images, inputs;
};

// All give the sum of the loss over all rows, added up in a fixed order, and write the negative gradient with
// respect to the layer's input, as Darknet has it.

// Cross entropy of softmax_forward's output: -log(p) wherever the truth is not 0; delta = truth - p. With
// `masked` (trees) kNoTruth is heeded. The temperature plays no part in Darknet's gradient.
double softmax_loss(const LossRows& rows, bool masked, Stream stream);

// kSeg is kSse with the loss and delta of truths of 0 times `noobject_scale`; kMasked heeds kNoTruth.
enum class Cost { kSse, kMasked, kSmooth, kL1, kSeg, kWgan };

struct CostSettings {
  Cost kind;
  float scale;  // of the delta, not of the loss
  float noobject_scale;
  float thresh;  // deltas smaller than thresh / inputs become 0
  float smooth;  // truths become (1 - smooth) truth + smooth / inputs
};

// [cost], with the meaning it has on Darknet's GPU: its CPU mistakes the sign of kSmooth, and has neither
// kWgan nor kSeg. For kSse the delta is truth - x, half of the gradient of the loss. Darknet's `ratio` has no
// effect there, so there is none here.
double cost_loss(const LossRows& rows, const CostSettings& settings, Stream stream);

}  // namespace pydarknet
