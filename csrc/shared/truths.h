// How losses read labels: one list an image, without what a loss can't use.
#pragma once
#include <cfloat>
#include <cstdint>

#include "ops/truths.h"
#include "shared/box.h"

namespace pydarknet {

struct Truth {
  Box box;
  int label;          // as in the list, before the map
  const float* mask;  // the values between the box and the class
};

// nullptr where there is no overlap.
struct TruthMatch {
  const Truth* truth;
  float overlap;
};

struct TruthList {
  const Truth* items;
  int count;

  // The one that overlaps a box most, the first of several.
  PYDARKNET_DEVICE TruthMatch best(const Box& box) const {
    TruthMatch match{nullptr, 0};
    for (const Truth& truth : *this) {
      const float found = iou(box, truth.box);
      if (found > match.overlap) match = {&truth, found};
    }
    return match;
  }

  PYDARKNET_DEVICE const Truth* begin() const { return items; }
  PYDARKNET_DEVICE const Truth* end() const { return items + count; }
};

PYDARKNET_DEVICE inline bool is_class_only(const Box& box) {
  return box.x > kNowhereFrom && box.y > kNowhereFrom;
}

// What a loss can't use: a centre outside of the image, a size that is not positive, a class out of range.
enum class TruthFault { kNone, kPassedOver, kNeedsTree, kCentre, kSize, kClass, kMap };

// Of a row that is not the end of its list.
PYDARKNET_DEVICE inline TruthFault fault_of(const float* row, int length, const TruthRules& rules) {
  const auto inside = [](float centre) { return centre >= 0 && centre <= 1; };
  const auto positive = [](float side) { return side > 0 && side <= FLT_MAX; };
  const Box box{row[0], row[1], row[2], row[3]};
  const float label = row[length - 1];
  const bool box_given = !is_class_only(box), mapped = box_given && rules.map.classes;
  if (box_given) {
    if (rules.skip_large_labels && label >= static_cast<float>(rules.classes)) return TruthFault::kPassedOver;
    if (!inside(box.x) || !inside(box.y)) return TruthFault::kCentre;
    if (!positive(box.w) || !positive(box.h)) return TruthFault::kSize;
  } else if (!rules.class_only) {
    return TruthFault::kNeedsTree;
  }
  const int end = mapped ? rules.map.size : rules.classes;
  if (!(label >= 0 && label < static_cast<float>(end))) return TruthFault::kClass;
  if (!mapped) return TruthFault::kNone;
  const int found = rules.map[static_cast<int>(label)];
  return found >= 0 && found < rules.classes ? TruthFault::kNone : TruthFault::kMap;
}

// The list of one image without the labels that are passed over, up to the first class without a box, into
// `room` for truths.most of them. A device can't refuse labels with faults: it passes over them too.
template <class Threads>
PYDARKNET_DEVICE TruthList read_truths(const Truths& truths, int image, const TruthRules& rules, Truth* room,
                                       const Threads& threads) {
  int count = 0;
  for (int i = 0; threads.rank() == 0 && i < truths.most; ++i) {
    const float* row = truths.at(image, i);
    if (row[0] == 0) break;
    if (fault_of(row, truths.row, rules) != TruthFault::kNone) continue;
    const Box box{row[0], row[1], row[2], row[3]};
    room[count++] = {box, static_cast<int>(row[truths.row - 1]), row + 4};
    if (is_class_only(box)) break;
  }
  return {room, static_cast<int>(threads.sum(count))};
}

}  // namespace pydarknet
