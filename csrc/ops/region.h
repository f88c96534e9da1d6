#pragma once
#include "ops/softmax.h"

namespace pydarknet {

// Channels of a head, for each anchor: x, y, w, h, coords - 4 mask values, objectness, classes.
struct RegionShape {
  int anchors, classes, coords;
  bool softmax, background;

  PYDARKNET_HD int entries() const { return coords + 1 + classes; }
};

// Logistic on x, y, the mask and the objectness; w and h as they are. Classes: a softmax for each group of
// the tree if there is one, else a softmax if asked for, else logistic. With `background` the objectness has
// no logistic, and the softmax takes it in as a first class. y may be x.
void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream stream);

// What happens to an entry of a box.
enum class RegionEntry { kLogistic, kAsIs, kSoftmax };

PYDARKNET_HD inline RegionEntry entry_kind(int entry, const RegionShape& shape, bool tree) {
  if (entry < 2) return RegionEntry::kLogistic;
  if (entry < 4) return RegionEntry::kAsIs;
  if (entry < shape.coords) return RegionEntry::kLogistic;
  if (entry > shape.coords) {
    return tree || shape.softmax ? RegionEntry::kSoftmax : RegionEntry::kLogistic;
  }
  if (!shape.background) return RegionEntry::kLogistic;
  return shape.softmax && !tree ? RegionEntry::kSoftmax : RegionEntry::kAsIs;
}

// The entries of kSoftmax.
inline void region_softmax(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree,
                           Stream stream) {
  const std::int64_t boxes = std::int64_t{x.n} * shape.anchors;
  const int entries = shape.entries(), first = shape.coords + (tree || !shape.background);
  if (!tree && !shape.softmax) return;
  const ChannelGroups groups = tree ? *tree : ChannelGroups{1, entries - first};
  softmax_planes(x.data, y.data, boxes, {entries, first}, x.plane(), groups, 1.0f, stream);
}

}  // namespace pydarknet
