#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// YOLOv1: x and y hold `images` rows of `inputs` floats: the class scores of all `cells`, then confidences
// and boxes. With `softmax` the scores of each cell become probabilities; all else is copied. y may be x.
struct DetectionShape {
  std::int64_t images, inputs;
  int cells, classes;
};
void detection_forward(const float* x, float* y, DetectionShape shape, bool softmax, Stream stream);

}  // namespace pydarknet
