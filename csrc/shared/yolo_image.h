// The [yolo] loss of one image, as a thread group's work: boxes side by side, truths one after another.
#pragma once
#include "shared/anchored_image.h"

namespace pydarknet {

template <class Threads>
class YoloImage : AnchoredImage<Threads> {
  using Base = AnchoredImage<Threads>;
  using Base::anchor, Base::assign_class, Base::average_place, Base::bounded, Base::box_of,
      Base::class_output, Base::for_each_claim, Base::head_, Base::knows_a_class, Base::masked, Base::next_,
      Base::set_, Base::sums_, Base::terms_, Base::threads_, Base::truth_rules_, Base::uses_, Base::weight_of;

 public:
  // Deltas and `uses`, one for each box, are 0.
  PYDARKNET_DEVICE YoloImage(const BoxHead& head, const YoloRules& rules, unsigned char* uses,
                             Threads threads)
      : Base(head, rules, uses, threads) {}

  PYDARKNET_DEVICE LossStatistics run(const TruthList& truths) {
    for_each_box(head_, threads_, [&](const BoxPlace& at) { assign_empty(at, truths); });
    threads_.wait();
    for (const Truth& truth : truths) {
      for_each_claim(truth.box, [&](int anchor_index) { assign_box(anchor_index, truth); });
    }
    if (terms_.iou_thresh < 1) {
      for_each_box(head_, threads_, [&](const BoxPlace& at) {
        if (head_.objectness_delta(at) != 0) average_place(at);
      });
    }
    threads_.wait();
    add_losses(head_, uses_, &sums_, threads_);
    if (terms_.iou_loss != BoxMeasure::kMse) sums_.coord_loss = missed_;
    threads_.wait();
    if (terms_.delta_normalizer != 1)
      for_each_box(head_, threads_, [&](const BoxPlace& at) { normalize(at); });
    return sums_.summed(threads_);
  }

 private:
  // Before the truths claim their boxes.
  PYDARKNET_DEVICE void assign_empty(const BoxPlace& at, const TruthList& truths) {
    const TruthMatch match = truths.best(head_.predict(at, anchor(masked(at.anchor))));
    const float weight = terms_.obj_normalizer, empty = weight * (0 - head_.objectness(at));
    sums_.any_objectness += head_.objectness(at);
    head_.objectness_delta(at) = empty;
    if (match.overlap > set_.ignore_thresh && knows_a_class(at)) {
      const float raised = weight * (match.overlap - head_.objectness(at));
      head_.objectness_delta(at) = !terms_.objectness_smooth ? 0 : raised > empty ? raised : empty;
    }
    if (match.truth && match.overlap > set_.truth_thresh) assign_certain(at, *match.truth, match.overlap);
  }

  // A box that needs no truth to claim it.
  PYDARKNET_DEVICE void assign_certain(const BoxPlace& at, const Truth& truth, float overlap) {
    const int category = truth_rules_.map[truth.label];
    const float target = terms_.objectness_smooth ? overlap * overlap : 1;
    assign_place(at, masked(at.anchor), truth.box, weight_of(category));
    head_.objectness_delta(at) = terms_.obj_normalizer * (target - head_.objectness(at));
    assign_class(at, category, terms_.adds, OneThread{});
    if (!terms_.objectness_smooth) return;
    const float way = target - class_output(at, category);
    head_.delta[head_.classes_of(at) + category * next_] = weight_of(category) * way;
  }

  // The box of an anchor, if this head has it. By the thread group: classes side by side.
  PYDARKNET_DEVICE void assign_box(int anchor_index, const Truth& truth) {
    const bool leads = threads_.rank() == 0;
    BoxPlace at = head_.cell_of(truth.box);
    const int category = truth_rules_.map[truth.label];
    at.anchor = box_of(anchor_index);
    if (at.anchor < 0) return;
    if (leads) {
      sums_.category += class_output(at, category);
      assign_place(at, anchor_index, truth.box, weight_of(category));
      assign_objectness(at, weight_of(category));
      count(head_.predict(at, anchor(anchor_index)), truth.box, head_.objectness(at));
    }
    assign_class(at, category, terms_.adds, threads_);
    threads_.wait();
  }

  PYDARKNET_DEVICE void assign_objectness(const BoxPlace& at, float weight) {
    const float way = weight * terms_.obj_normalizer * (1 - head_.objectness(at));
    if (!terms_.objectness_smooth || head_.objectness_delta(at) == 0) head_.objectness_delta(at) = way;
  }

  PYDARKNET_DEVICE void count(const Box& box, const Box& truth, float box_objectness) {
    const float found = iou(box, truth);
    const bool by_giou = terms_.iou_loss == BoxMeasure::kGiou;
    missed_ += 1 - (by_giou ? measure(box, truth, BoxMeasure::kGiou) : found);
    sums_.add_match(found, box_objectness);
  }

  // The coordinates.
  PYDARKNET_DEVICE void assign_place(const BoxPlace& at, int anchor_index, const Box& truth, float weight) {
    uses_[head_.number(at)] = kObject | kClassified;
    const Box way = way_to(at, anchor_index, truth, weight * terms_.iou_normalizer);
    float* delta = head_.delta + head_.offset(at);
    const float ways[] = {way.x, way.y, way.w, way.h};
    for (int e = 0; e < 4; ++e) delta[e * next_] = (terms_.adds ? delta[e * next_] : 0) + ways[e];
  }

  PYDARKNET_DEVICE Box way_to(const BoxPlace& at, int anchor_index, const Box& truth, float weight) const {
    const float* sides = anchor(anchor_index);
    if (terms_.iou_loss == BoxMeasure::kMse) {
      const Box way = head_.way_to(at, sides, truth);
      const float scale = (2 - truth.w * truth.h) * weight;
      return {scale * way.x, scale * way.y, scale * way.w, scale * way.h};
    }
    const BoxSlope slope(head_.predict(at, sides), truth, terms_.iou_loss);
    const float* output = head_.output + head_.offset(at);
    const auto growth = [&](int e) {
      return set_.squares ? 1 : static_cast<float>(head_.size(output[e * next_]));
    };
    return {bounded(slope.x * weight), bounded(slope.y * weight), bounded(slope.w * growth(2) * weight),
            bounded(slope.h * growth(3) * weight)};
  }

  PYDARKNET_DEVICE void normalize(const BoxPlace& at) {
    float* delta = head_.delta + head_.offset(at);
    for (int e = 0; e < head_.entries; ++e) delta[e * next_] *= terms_.delta_normalizer;
  }

  double missed_ = 0;  // of the truths' overlaps
};

}  // namespace pydarknet
