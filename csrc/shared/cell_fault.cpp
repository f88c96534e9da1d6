#include <algorithm>
#include <cmath>
#include <string>

#include "ops/detection_loss.h"

namespace pydarknet {

std::string cell_fault(const float* truth, std::int64_t images, const DetectionLossSettings& settings) {
  const int row = 1 + settings.classes + settings.coords;
  for (std::int64_t i = 0; i < images * settings.cells(); ++i) {
    const float *cell = truth + i * row, *box = cell + 1 + settings.classes;
    const bool known = std::all_of(cell, cell + row, [](float v) { return std::isfinite(v); });
    if (known && std::abs(cell[0]) < 2 && box[2] >= 0 && box[3] >= 0) continue;
    return "image " + std::to_string(i / settings.cells()) + ", cell " +
           std::to_string(i % settings.cells()) + ": expected 0 or 1, finite numbers, w and h not negative";
  }
  return {};
}

}  // namespace pydarknet
