// What becomes of each entry of a head's boxes, by the formulas that all devices share.
#pragma once
#include "ops/region.h"
#include "product.h"

namespace pydarknet {

// What happens to an entry of a box.
enum class RegionEntry { kLogistic, kAsIs, kSoftmax };

PYDARKNET_HD inline RegionEntry entry_kind(int entry, const RegionShape& shape, bool tree) {
  if (shape.raw) return RegionEntry::kAsIs;
  if (shape.gaussian) return entry == 4 || entry == 6 ? RegionEntry::kAsIs : RegionEntry::kLogistic;
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
  return (entry == 0 || entry == (shape.gaussian ? 2 : 1)) && shape.spread != 1;
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
