#include "device.h"
#include "ops/detection.h"
#include "ops/softmax.h"

namespace pydarknet {

void detection_forward(const float* x, float* y, DetectionShape shape, bool softmax, Stream stream) {
  const auto bytes = static_cast<std::size_t>(shape.images * shape.inputs) * sizeof(float);
  if (y != x) copy_on_device(y, x, bytes, stream);
  if (!softmax) return;
  const ChannelGroups cells{shape.cells, shape.classes};
  softmax_planes(y, y, shape.images, {shape.inputs, 0}, 1, cells, 1.0f, stream);
}

}  // namespace pydarknet
