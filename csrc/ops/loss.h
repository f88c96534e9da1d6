// What the losses of the heads share.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "host_device.h"

namespace pydarknet {

// Sums over a mini-batch. `matched` counts truths that found a box, `classified` those plus the images with
// a class only; the losses are sums of delta^2, as Darknet prints them.
struct LossStatistics {
  double iou, recall, recall75, category, all_category, objectness, any_objectness, matched, classified;
  double coord_loss, object_loss, noobject_loss, class_loss, total_loss;

  // A truth that found a box of this objectness, whose prediction overlaps it so far.
  PYDARKNET_DEVICE void add_match(float overlap, float box_objectness) {
    recall += overlap > .5f;
    recall75 += overlap > .75f;
    iou += overlap;
    objectness += box_objectness;
    matched += 1;
    classified += 1;
  }
  // In the order above.
  std::array<double, 14> values() const {
    return {iou,     recall,     recall75,   category,    all_category,  objectness, any_objectness,
            matched, classified, coord_loss, object_loss, noobject_loss, class_loss, total_loss};
  }
  LossStatistics& operator+=(const LossStatistics& other) {
    iou += other.iou, recall += other.recall, recall75 += other.recall75;
    category += other.category, all_category += other.all_category;
    objectness += other.objectness, any_objectness += other.any_objectness;
    matched += other.matched, classified += other.classified;
    coord_loss += other.coord_loss, object_loss += other.object_loss;
    noobject_loss += other.noobject_loss, class_loss += other.class_loss, total_loss += other.total_loss;
    return *this;
  }
  // Of all members of a thread group.
  template <class Threads>
  PYDARKNET_DEVICE LossStatistics summed(const Threads& threads) const {
    return {threads.sum(iou),
            threads.sum(recall),
            threads.sum(recall75),
            threads.sum(category),
            threads.sum(all_category),
            threads.sum(objectness),
            threads.sum(any_objectness),
            threads.sum(matched),
            threads.sum(classified),
            threads.sum(coord_loss),
            threads.sum(object_loss),
            threads.sum(noobject_loss),
            threads.sum(class_loss),
            threads.sum(total_loss)};
  }
};

// Of all images, in their order, so that the number of threads changes nothing.
inline LossStatistics sum_of(const std::vector<LossStatistics>& images) {
  LossStatistics all{};
  for (const LossStatistics& one : images) all += one;
  return all;
}

// delta^2 in double precision, for the sums above.
PYDARKNET_DEVICE inline double square(float delta) { return double{delta} * delta; }

}  // namespace pydarknet
