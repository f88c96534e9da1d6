#pragma once
#include <cfloat>

#include "ops/loss.h"
#include "ops/tensor.h"
#include "ops/truths.h"

namespace pydarknet {

// Behind x, y, w and h of a box.
inline constexpr int kYoloObjectness = 4;
// With a deviation behind each of them.
inline constexpr int kGaussianObjectness = 8;

// How boxes are compared with truths, and learn from them. kMse: by their coordinates; compared, as kIou.
enum class BoxMeasure { kMse, kIou, kGiou, kDiou, kCiou };

// What AlexeyAB's keys of these names, his defaults beside them, make of the loss. With the values here there
// is nothing of it.
struct YoloLossTerms {
  BoxMeasure iou_loss = BoxMeasure::kMse;
  BoxMeasure iou_thresh_kind = BoxMeasure::kIou;  // by which anchors are compared with iou_thresh
  float iou_thresh = 1;        // a truth teaches the boxes of all anchors that fit it better than so
  float iou_normalizer = 1;    // weight of boxes; his: .75
  float obj_normalizer = 1;    // weight of the objectness
  float cls_normalizer = 1;    // weight of the class of a truth, if there are class_weights
  float delta_normalizer = 1;  // of all deltas, behind the losses
  float max_delta = FLT_MAX;   // largest delta of a coordinate, but with kMse
  float label_smooth_eps = 0;
  bool objectness_smooth = false;  // objectness learns the overlap, where it would be left alone or go to 1
  bool focal_loss = false;
  const float* class_weights = nullptr;  // one for each class, or null: how much its boxes count
  bool adds = false;  // the deltas that several truths give one box add up, and a second truth adds its
                      // class to the others unless it has that class; else see below
  float least_class =
      -1;  // whatever it overlaps, a box without a class more probable than so is called empty
};

// [Gaussian_yolo]: deviations are learnt beside the coordinates, by the likelihood of normal distributions.
struct GaussianTerms {
  bool counts = false;
  float uc_normalizer = 1;  // weight of the deviations
  int to_centre = 0;        // from the point (x, y) to the centre, in halves of the box: 0, 1 or -1
};

struct YoloLossSettings {
  const float* anchors;      // width and height of all anchors of the network, in pixels
  int anchor_count;          // of them
  const std::int32_t* mask;  // those of this head
  int mask_count;
  int net_w, net_h;     // the network's input, in pixels
  float ignore_thresh;  // a box that overlaps a truth by more is not called empty
  float truth_thresh;   // and by more than this it learns that truth
  bool squares;         // sizes are those of new_coords
  YoloLossTerms terms;
  GaussianTerms gaussian;
};

// [yolo] (Darknet's forward_yolo_layer of 2018): `delta` becomes truth - output for the boxes that count, the
// coordinates times 2 - w * h of the truth; no slopes. `output` is yolo_forward's. A truth belongs to the
// head whose mask has the anchor that fits best; a second truth of one box adds its class to the first one's.
// With an iou_loss the deltas of coordinates are slopes of the overlap, as AlexeyAB's Darknet has them, and
// coord_loss is the sum of 1 - overlap (IoU, with kGiou GIoU) of the truths that found a box.
//
// [Gaussian_yolo] (AlexeyAB's of 2020): `output` is that of yolo_forward with `gaussian`. The deltas of
// several truths add up, and count by the classes; coord_loss is the sum of their squares. With an iou_loss,
// matched boxes count by their GIoU; delta_normalizer, focal_loss and `adds` are not followed.
LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream stream);

}  // namespace pydarknet
