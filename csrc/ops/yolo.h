#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Channels for each anchor: x, y, w, h, objectness, classes. Logistic on all but w and h. y may be x.
void yolo_forward(ConstPlain x, Plain y, int anchors, int classes, Stream stream);

}  // namespace pydarknet
