// The YOLOv1 loss of one image, as a thread group's work: cells side by side.
#pragma once
#include <cmath>

#include "ops/detection_loss.h"
#include "shared/box.h"
#include "shared/thread_group.h"

namespace pydarknet {

inline constexpr float kSmallArea = .1f;  // what `forced` calls small

PYDARKNET_DEVICE inline float distance(const Box& a, const Box& b) {
  const auto apart = [](float p, float q) { return (p - q) * (p - q); };
  return std::sqrt(apart(a.x, b.x) + apart(a.y, b.y) + apart(a.w, b.w) + apart(a.h, b.h));
}

class DetectionImage {
 public:
  // Deltas are 0.
  PYDARKNET_DEVICE DetectionImage(const float* output, const float* truth, float* delta, std::int64_t image,
                                  const DetectionLossSettings& settings)
      : output_(output + image * settings.inputs()),
        truth_(truth + image * settings.truths()),
        delta_(delta + image * settings.inputs()),
        picks_(settings.picks ? settings.picks + image * settings.cells() : nullptr),
        set_(settings) {}

  template <class Threads>
  PYDARKNET_DEVICE LossStatistics run(const Threads& threads) {
    for (int cell = threads.rank(); cell < set_.cells(); cell += threads.size()) {
      for (int box = 0; box < set_.num; ++box) {
        const std::int64_t i = confidence(cell, box);
        delta_[i] = set_.noobject_scale * (0 - output_[i]);
        sums_.any_objectness += output_[i];
        sums_.noobject_loss += square(delta_[i]);
      }
      if (static_cast<int>(truth_of(cell)[0]) != 0) assign(cell);
    }
    sums_.total_loss = sums_.coord_loss + sums_.object_loss + sums_.noobject_loss + sums_.class_loss;
    return sums_.summed(threads);
  }

 private:
  PYDARKNET_DEVICE const float* truth_of(int cell) const {
    return truth_ + std::int64_t{cell} * (1 + set_.classes + set_.coords);
  }
  // Index of a box's confidence, and of its coordinates.
  PYDARKNET_DEVICE std::int64_t confidence(int cell, int box) const {
    return std::int64_t{set_.cells()} * set_.classes + std::int64_t{cell} * set_.num + box;
  }
  PYDARKNET_DEVICE std::int64_t coordinates(int cell, int box) const {
    return std::int64_t{set_.cells()} * (set_.classes + set_.num) +
           (std::int64_t{cell} * set_.num + box) * set_.coords;
  }

  // As fractions of the image, but for the cell's own corner.
  PYDARKNET_DEVICE Box box_at(const float* values, bool squared) const {
    const float side = static_cast<float>(set_.side), w = values[2], h = values[3];
    return {values[0] / side, values[1] / side, squared ? w * w : w, squared ? h * h : h};
  }
  PYDARKNET_DEVICE Box predicted(int cell, int box) const {
    return box_at(output_ + coordinates(cell, box), set_.sqrt);
  }

  PYDARKNET_DEVICE void assign(int cell) {
    assign_classes(cell);
    const float* values = truth_of(cell) + 1 + set_.classes;
    const Box truth = box_at(values, false);
    const int box = box_for(cell, truth);
    const float found = iou(predicted(cell, box), truth);
    assign_confidence(confidence(cell, box), found);
    assign_box(coordinates(cell, box), values);
    sums_.iou += found;
    sums_.matched += 1;
    sums_.classified += 1;
  }

  PYDARKNET_DEVICE void assign_classes(int cell) {
    const float* target = truth_of(cell) + 1;
    const std::int64_t first = std::int64_t{cell} * set_.classes;
    for (int c = 0; c < set_.classes; ++c) {
      const float output = output_[first + c];
      delta_[first + c] = set_.class_scale * (target[c] - output);
      sums_.class_loss += square(delta_[first + c]);
      sums_.all_category += output;
      if (target[c] != 0) sums_.category += output;
    }
  }

  PYDARKNET_DEVICE int box_for(int cell, const Box& truth) const {
    const int pick = picks_ ? picks_[cell] : -1;
    if (pick >= 0 && pick < set_.num) return pick;
    if (set_.forced) return truth.w * truth.h < kSmallArea ? 1 : 0;
    return best_box(cell, truth);
  }

  // The largest overlap; where no box overlaps, the nearest one.
  PYDARKNET_DEVICE int best_box(int cell, const Box& truth) const {
    float best_iou = 0, nearest = 20;
    int best = 0;
    for (int box = 0; box < set_.num; ++box) {
      const Box candidate = predicted(cell, box);
      const float found = iou(candidate, truth), away = distance(candidate, truth);
      if (best_iou > 0 || found > 0) {
        if (found > best_iou) best_iou = found, best = box;
      } else if (away < nearest) {
        nearest = away, best = box;
      }
    }
    return best;
  }

  PYDARKNET_DEVICE void assign_confidence(std::int64_t i, float found) {
    sums_.noobject_loss -= square(delta_[i]);
    delta_[i] = set_.object_scale * ((set_.rescore ? found : 1) - output_[i]);
    sums_.objectness += output_[i];
    sums_.object_loss += square(delta_[i]);
  }

  PYDARKNET_DEVICE void assign_box(std::int64_t first, const float* truth) {
    for (int e = 0; e < 4; ++e) {
      const float target = set_.sqrt && e >= 2 ? std::sqrt(truth[e]) : truth[e];
      delta_[first + e] = set_.coord_scale * (target - output_[first + e]);
      sums_.coord_loss += square(delta_[first + e]);
    }
  }

  const float *output_, *truth_;
  float* delta_;
  const std::int32_t* picks_;
  const DetectionLossSettings set_;
  LossStatistics sums_{};
};

}  // namespace pydarknet
