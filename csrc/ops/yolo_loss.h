#pragma once
#include "ops/loss.h"
#include "ops/tensor.h"
#include "ops/truths.h"

namespace pydarknet {

// Behind x, y, w and h of a box.
inline constexpr int kYoloObjectness = 4;

struct YoloLossSettings {
  const float* anchors;      // width and height of all anchors of the network, in pixels
  int anchor_count;          // of them
  const std::int32_t* mask;  // those of this head
  int mask_count;
  int net_w, net_h;     // the network's input, in pixels
  float ignore_thresh;  // a box that overlaps a truth by more is not called empty
  float truth_thresh;   // and by more than this it learns that truth
  bool squares;         // sizes are those of new_coords
};

// [yolo] (Darknet's forward_yolo_layer of 2018): `delta` becomes truth - output for the boxes that count, the
// coordinates times 2 - w * h of the truth; no slopes. `output` is yolo_forward's. A truth belongs to the
// head whose mask has the anchor that fits best; a second truth of one box adds its class to the first one's.
LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream stream);

}  // namespace pydarknet
