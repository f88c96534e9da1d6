#pragma once
#include "ops/softmax.h"
#include "product.h"

namespace pydarknet {

// Channels of a head, for each anchor: x, y, w, h, coords - 4 mask values, objectness, classes.
struct RegionShape {
  int anchors, classes, coords;
  bool softmax, background;
  float spread = 1;  // x and y reach so far around the middle of their cell
  bool raw = false;  // all entries are as they are, but for the spread

  PYDARKNET_HD int entries() const { return coords + 1 + classes; }
};

// Logistic on x, y, the mask and the objectness; w and h as they are. Classes: a softmax for each group of
// the tree if there is one, else a softmax if asked for, else logistic. With `background` the objectness has
// no logistic, and the softmax takes it in as a first class. At last x and y become spread * v - (spread - 1)
// / 2. y may be x.
void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream stream);

// What happens to an entry of a box.
enum class RegionEntry { kLogistic, kAsIs, kSoftmax };

PYDARKNET_HD inline RegionEntry entry_kind(int entry, const RegionShape& shape, bool tree) {
  if (shape.raw) return RegionEntry::kAsIs;
  if (entry < 2) return RegionEntry::kLogistic;
  if (entry < 4) return RegionEntry::kAsIs;
  if (entry < shape.coords) return RegionEntry::kLogistic;
  if (entry > shape.coords) {
    return tree || shape.softmax ? RegionEntry::kSoftmax : RegionEntry::kLogistic;
  }
  if (!shape.background) return RegionEntry::kLogistic;
  return shape.softmax && !tree ? RegionEntry::kSoftmax : RegionEntry::kAsIs;
}

PYDARKNET_HD inline bool is_spread(int entry, const RegionShape& shape) {
  return entry < 2 && shape.spread != 1;
}

PYDARKNET_DEVICE inline float spread(float value, float by) { return product(value, by) - (by - 1) / 2; }

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
