#include "ops/detection.h"

#include <cstring>

#include "ops/softmax.h"

namespace pydarknet {

void detection_forward(const float* x, float* y, DetectionShape shape, bool softmax, Stream stream) {
  if (y != x) std::memcpy(y, x, static_cast<std::size_t>(shape.images * shape.inputs) * sizeof(float));
  if (!softmax) return;
  const ChannelGroups cells{shape.cells, shape.classes};
  softmax_planes(y, y, shape.images, {shape.inputs, 0}, 1, cells, 1.0f, stream);
}

}  // namespace pydarknet
