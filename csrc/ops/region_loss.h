#pragma once
#include "ops/loss.h"
#include "ops/region.h"
#include "ops/truths.h"

namespace pydarknet {

// The hierarchy of the classes: parent (-1 at a root, always a lower number) and group of each class; first
// class and size of each group. What a device can't check beforehand leads nowhere.
struct ClassTree {
  const std::int32_t *parent, *group, *group_offset, *group_size;
  int groups;

  struct Range {
    int begin, end;
  };
  PYDARKNET_DEVICE int above(int node) const { return parent[node] < node ? parent[node] : -1; }
  // The classes among which `node` is one.
  PYDARKNET_DEVICE Range siblings(int node, int classes) const {
    const int g = group[node];
    if (g < 0 || g >= groups) return {0, 0};
    const int begin = group_offset[g], size = group_size[g];
    if (begin < 0 || begin > classes || size < 0 || size > classes - begin) return {0, 0};
    return {begin, begin + size};
  }
};

// What an image that has a class only does to the objectness. All boxes count as empty, except the chosen
// one, which is pulled up to .3 if below it (kPull) or left alone (kSpare); or only the chosen one is pulled
// up (kAssume, the paper's text); or none is touched (kIgnore).
enum class ClassOnly { kPull, kSpare, kAssume, kIgnore };

// Which box such an image teaches: that with the largest objectness times probability of the class (the
// paper); that with the largest area within the image, whatever its objectness, or that with the largest
// objectness, whatever its class (Detic, arXiv 2201.02605: max-size, max-object-score); of several the first
// one, cell by cell and the anchors of each.
enum class ClassOnlyBox { kProbable, kLargest, kSurest };

struct RegionLossSettings {
  const float* anchors;  // width and height of each, in cells
  float object_scale, noobject_scale, class_scale, coord_scale, mask_scale;
  float thresh;        // a box that overlaps a truth by more is not called empty
  bool bias_match;     // truths choose among the anchors, else among the predicted sizes
  bool rescore;        // the objectness learns the IoU, else 1
  bool multi_label;    // without a tree: a second truth of the same box adds its class to the first one's
  bool weigh_small;    // coord_scale times 2 - w * h of the truth
  bool slope_in_loss;  // the logistic's slope is in the delta before the losses are summed up
  bool focal_loss;     // class deltas without a tree times -.5 (1 - p) (2 p log p + p - 1)
  int classfix;        // -1: empty boxes learn their best IoU. 1: boxes above thresh learn the class too,
                       // 2: times their objectness
  ClassOnly class_only;
  ClassOnlyBox class_only_box;
  std::int64_t seen;  // images before and in this mini-batch; below 12800 boxes are pulled to their anchors
};

// [region] (paper, sections 2 and 4; Darknet's forward_region_layer): `delta` becomes the negative gradient
// with respect to the head's input. `output` is region_forward's. Of several truths that choose one box the
// last one wins; class deltas along a tree are set in the groups from the class up to the root only.
LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream stream);

}  // namespace pydarknet
