#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Channels for each anchor: x, y, w, h, objectness, classes; if `gaussian`, with an uncertainty behind each
// of the first four. Logistic on all but w and h, or with `raw` on none. Then x and y become spread * v -
// (spread - 1) / 2, so that a centre can lie on the edge of its cell. y may be x.
struct YoloShape {
  int anchors, classes;
  float spread;
  bool raw, gaussian;
};
void yolo_forward(ConstPlain x, Plain y, YoloShape shape, Stream stream);

}  // namespace pydarknet
