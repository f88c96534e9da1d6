// The [Gaussian_yolo] loss of one image, as a thread group's work: boxes side by side, truths one after
// another.
#pragma once
#include "shared/anchored_image.h"

namespace pydarknet {

inline constexpr float kLeastDeviation = .3f;  // added to a deviation where a density divides by it
inline constexpr float kLeastDensity = 1e-9f;  // beside which a density counts

// A truth's coordinate, seen from a normal distribution.
struct NormalSlope {
  float mean, deviation;  // how the logarithm of its density grows with them, as Darknet has it, times scale

  PYDARKNET_DEVICE NormalSlope(float way, float sigma, float scale) {
    const float z = way / sigma, wide = sigma + kLeastDeviation;
    const float density = std::exp(-.5f * z * z) / (std::sqrt(2 * kPi) * wide);
    const float weight = .5f * density / (density + kLeastDensity) * scale;
    mean = weight * z / sigma;
    deviation = weight * (z * z / sigma - 1 / wide);
  }
};

template <class Threads>
class GaussianImage : AnchoredImage<Threads> {
  using Base = AnchoredImage<Threads>;
  using Base::anchor, Base::assign_class, Base::average_place, Base::bounded, Base::box_of,
      Base::class_output, Base::for_each_claim, Base::head_, Base::knows_a_class, Base::masked, Base::next_,
      Base::set_, Base::sums_, Base::terms_, Base::threads_, Base::truth_rules_, Base::uses_, Base::weight_of;

 public:
  // Deltas and `uses`, one for each box, are 0.
  PYDARKNET_DEVICE GaussianImage(const BoxHead& head, const YoloRules& rules, unsigned char* uses,
                                 Threads threads)
      : Base(head, rules, uses, threads), to_centre_(.5f * static_cast<float>(set_.gaussian.to_centre)) {}

  PYDARKNET_DEVICE LossStatistics run(const TruthList& truths) {
    for_each_box(head_, threads_, [&](const BoxPlace& at) { assign_empty(at, truths); });
    threads_.wait();
    for (const Truth& truth : truths) {
      for_each_claim(truth.box, [&](int anchor_index) { assign_box(anchor_index, truth); });
    }
    for_each_box(head_, threads_, [&](const BoxPlace& at) { average_place(at); });
    threads_.wait();
    add_losses(head_, uses_, &sums_, threads_);
    return sums_.summed(threads_);
  }

 private:
  PYDARKNET_DEVICE float entry(const BoxPlace& at, int e) const {
    return head_.output[head_.offset(at) + e * next_];
  }

  // Means and deviations take turns: x, its deviation, y, ...
  PYDARKNET_DEVICE Box predict(const BoxPlace& at, const float* sides) const {
    const float w = std::exp(entry(at, 4)) * sides[0] / head_.unit_w;
    const float h = std::exp(entry(at, 6)) * sides[1] / head_.unit_h;
    return {(static_cast<float>(at.column) + entry(at, 0)) / static_cast<float>(head_.w) + to_centre_ * w,
            (static_cast<float>(at.row) + entry(at, 2)) / static_cast<float>(head_.h) + to_centre_ * h, w, h};
  }

  // Where the point of a box is by which cells are found.
  PYDARKNET_DEVICE float point(float centre, float size, int cells) const {
    return (centre - to_centre_ * size) * static_cast<float>(cells);
  }
  PYDARKNET_DEVICE BoxPlace cell_of(const Box& truth) const {
    const auto index = [&](float centre, float size, int cells) {
      const int i = static_cast<int>(point(centre, size, cells));
      return i < 0 ? 0 : i < cells ? i : cells - 1;
    };
    return {0, index(truth.y, truth.h, head_.h), index(truth.x, truth.w, head_.w)};
  }

  // Before the truths claim their boxes.
  PYDARKNET_DEVICE void assign_empty(const BoxPlace& at, const TruthList& truths) {
    const TruthMatch match = truths.best(predict(at, anchor(masked(at.anchor))));
    const float target = terms_.objectness_smooth ? match.overlap * match.overlap : 1;
    sums_.any_objectness += head_.objectness(at);
    head_.objectness_delta(at) = terms_.obj_normalizer * (0 - head_.objectness(at));
    if (match.overlap > set_.ignore_thresh && knows_a_class(at)) {
      head_.objectness_delta(at) = 0;
      if (terms_.objectness_smooth) {
        head_.objectness_delta(at) = terms_.obj_normalizer * (target - head_.objectness(at));
        classify(at, truth_rules_.map[match.truth->label], OneThread{});
      }
    }
    if (match.truth && match.overlap > set_.truth_thresh) assign_certain(at, *match.truth, target);
  }

  // A box that needs no truth to claim it.
  PYDARKNET_DEVICE void assign_certain(const BoxPlace& at, const Truth& truth, float target) {
    const int category = truth_rules_.map[truth.label];
    head_.objectness_delta(at) = terms_.obj_normalizer * (target - head_.objectness(at));
    classify(at, category, OneThread{});
    assign_place(at, masked(at.anchor), truth.box, weight_of(category));
    if (!terms_.objectness_smooth) return;
    const float way = target - class_output(at, category);
    head_.delta[head_.classes_of(at) + category * next_] = weight_of(category) * way;
  }

  template <class Members>
  PYDARKNET_DEVICE void classify(const BoxPlace& at, int category, const Members& threads) {
    if (threads.rank() == 0) {
      uses_[head_.number(at)] = static_cast<unsigned char>(uses_[head_.number(at)] | kClassified);
    }
    assign_class(at, category, false, threads);
  }

  // The box of an anchor, if this head has it. By the thread group: classes side by side.
  PYDARKNET_DEVICE void assign_box(int anchor_index, const Truth& truth) {
    BoxPlace at = cell_of(truth.box);
    const int category = truth_rules_.map[truth.label];
    at.anchor = box_of(anchor_index);
    if (at.anchor < 0) return;
    if (threads_.rank() == 0) {
      const float weight = weight_of(category);
      const Box box = predict(at, anchor(anchor_index));
      sums_.category += class_output(at, category);
      sums_.add_match(terms_.iou_loss == BoxMeasure::kMse ? iou(box, truth.box)
                                                          : measure(box, truth.box, BoxMeasure::kGiou),
                      head_.objectness(at));
      assign_place(at, anchor_index, truth.box, weight);
      uses_[head_.number(at)] = kObject | kClassified;
      head_.objectness_delta(at) = weight * terms_.obj_normalizer * (1 - head_.objectness(at));
    }
    classify(at, category, threads_);
    threads_.wait();
  }

  // The coordinates and their deviations.
  PYDARKNET_DEVICE void assign_place(const BoxPlace& at, int anchor_index, const Box& truth, float weight) {
    const float* sides = anchor(anchor_index);
    const float ways[] = {
        point(truth.x, truth.w, head_.w) - static_cast<float>(at.column) - entry(at, 0),
        point(truth.y, truth.h, head_.h) - static_cast<float>(at.row) - entry(at, 2),
        std::log(truth.w * head_.unit_w / sides[0]) - entry(at, 4),
        std::log(truth.h * head_.unit_h / sides[1]) - entry(at, 6),
    };
    float slopes[4];
    if (terms_.iou_loss != BoxMeasure::kMse) {
      const BoxSlope slope(predict(at, sides), truth, terms_.iou_loss);
      slopes[0] = slope.x - to_centre_ * slope.w, slopes[1] = slope.y - to_centre_ * slope.h;
      slopes[2] = slope.w * std::exp(entry(at, 4)), slopes[3] = slope.h * std::exp(entry(at, 6));
    }
    float* delta = head_.delta + head_.offset(at);
    for (int i = 0; i < 4; ++i) {
      const NormalSlope normal(ways[i], entry(at, 2 * i + 1), 2 - truth.w * truth.h);
      const float mean = terms_.iou_loss == BoxMeasure::kMse ? normal.mean : slopes[i];
      delta[2 * i * next_] += bounded(mean * weight * terms_.iou_normalizer);
      delta[(2 * i + 1) * next_] += bounded(normal.deviation * set_.gaussian.uc_normalizer);
    }
  }

  const float to_centre_;  // from the point to the centre, in sizes of the box
};

}  // namespace pydarknet
