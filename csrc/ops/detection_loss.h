#pragma once
#include <string>

#include "ops/detection.h"
#include "ops/loss.h"

namespace pydarknet {

struct DetectionLossSettings {
  int side, classes, num, coords;
  float object_scale, noobject_scale, class_scale, coord_scale;
  bool rescore;               // the confidence learns the IoU, else 1
  bool sqrt;                  // w and h of the output are square roots
  bool forced;                // small truths go to box 1, others to box 0
  const std::int32_t* picks;  // the box of each cell of each image, drawn by the caller; null: the best one

  PYDARKNET_HD int cells() const { return side * side; }
  PYDARKNET_HD std::int64_t inputs() const { return std::int64_t{cells()} * (classes + num * (1 + coords)); }
  PYDARKNET_HD std::int64_t truths() const { return std::int64_t{cells()} * (1 + classes + coords); }
};

// YOLOv1 (Darknet's forward_detection_layer): `delta` becomes truth - output for what counts, times its
// scale. `output` is detection_forward's: `images` rows of inputs() floats. `truth` has truths() floats for
// each image: for each cell whether it has an object, its classes, centre within the cell, w, h.
LossStatistics detection_loss(const float* output, const float* truth, float* delta, std::int64_t images,
                              const DetectionLossSettings& settings, Stream stream);

// Says which cell of which image has a truth that can't be used. Empty if there is none.
std::string cell_fault(const float* truth, std::int64_t images, const DetectionLossSettings& settings);

}  // namespace pydarknet
