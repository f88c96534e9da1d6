// The boxes of [region] and [yolo] heads that are worth a look, brought together: a host that wants them need
// not have the whole output.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// n images of a head's output, whose c channels are those of `anchors` boxes in each cell. Box b of image i
// is numbered i * boxes() + b, boxes of an image anchor by anchor, row by row.
struct HeadBoxes {
  ConstPlain output;
  int anchors;

  PYDARKNET_HD int entries() const { return output.c / anchors; }
  PYDARKNET_HD std::int64_t boxes() const { return anchors * output.plane(); }
  PYDARKNET_HD std::int64_t all() const { return output.n * boxes(); }
  // Entry e of the box is e * output.plane() further.
  PYDARKNET_HD const float* first_entry(std::int64_t number) const {
    const std::int64_t plane = output.plane(), inside = number % plane;
    return output.data + (number - inside) * entries() + inside;
  }
};

// Which boxes: those whose entry `objectness` is above `thresh`; negative where the head has no such entry,
// and it counts as 1. In the order of their numbers, or `by_cell`: row by row, and the anchors of each cell.
struct Choice {
  int objectness;
  float thresh;
  bool by_cell;
};

// Writes the numbers of the chosen boxes of all images one after the other to `found`, which has room for
// all() of them; those of image i are [starts[i], starts[i + 1]).
void find_boxes(const HeadBoxes& head, Choice choice, std::int32_t* found, std::int32_t* starts,
                Stream stream);

// values[k] = the entries of box found[k], for `count` boxes.
void gather_boxes(const HeadBoxes& head, const std::int32_t* found, std::int64_t count, float* values,
                  Stream stream);

}  // namespace pydarknet
