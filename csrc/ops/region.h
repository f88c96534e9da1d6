#pragma once
#include "ops/softmax.h"

namespace pydarknet {

// Channels of a head, for each anchor: x, y, w, h, coords - 4 mask values, objectness, classes.
struct RegionShape {
  int anchors, classes, coords;
  bool softmax, background;
  float spread = 1;       // x and y reach so far around the middle of their cell
  bool raw = false;       // all entries are as they are, but for the spread
  bool gaussian = false;  // the first eight are x, y, w and h, each with its uncertainty behind it

  PYDARKNET_HD int entries() const { return coords + 1 + classes; }
};

// Logistic on x, y, the mask and the objectness; w and h as they are. Classes: a softmax for each group of
// the tree if there is one, else a softmax if asked for, else logistic. With `background` the objectness has
// no logistic, and the softmax takes it in as a first class. At last x and y become spread * v - (spread - 1)
// / 2. y may be x.
void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream stream);

}  // namespace pydarknet
