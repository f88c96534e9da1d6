// What the losses of the heads share.
#pragma once
#include <array>
#include <cstdint>

namespace pydarknet {

// Sums over a mini-batch. `matched` counts truths that found a box, `classified` those plus the pictures with
// a class only; the losses are sums of delta^2, as Darknet prints them.
struct LossStatistics {
  double iou, recall, recall75, category, all_category, objectness, any_objectness, matched, classified;
  double coord_loss, object_loss, noobject_loss, class_loss, total_loss;

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
};

// delta^2 in double precision, for the sums above.
inline double square(float delta) { return double{delta} * delta; }

}  // namespace pydarknet
