// The [yolo] loss of one image, as a thread group's work: boxes side by side, truths one after another.
#pragma once
#include <cfloat>

#include "ops/yolo_loss.h"
#include "shared/box_head.h"
#include "shared/box_slope.h"
#include "shared/thread_group.h"
#include "shared/truths.h"

namespace pydarknet {

// What all images of a mini-batch have in common.
struct YoloRules {
  YoloLossSettings set;
  TruthRules truths;

  PYDARKNET_DEVICE BoxHead head(const ConstPlain& output, const Plain& delta, int image) const {
    return image_head(output, delta, image, set.mask_count, kYoloObjectness, static_cast<float>(set.net_w),
                      static_cast<float>(set.net_h), set.squares);
  }
};

template <class Threads>
class YoloImage {
 public:
  // Deltas and `uses`, one for each box, are 0.
  PYDARKNET_DEVICE YoloImage(const BoxHead& head, const YoloRules& rules, unsigned char* uses,
                             Threads threads)
      : head_(head),
        set_(rules.set),
        terms_(rules.set.terms),
        truth_rules_(rules.truths),
        uses_(uses),
        next_(head.pixels()),
        threads_(threads) {}

  PYDARKNET_DEVICE LossStatistics run(const TruthList& truths) {
    for_each_box([&](const BoxPlace& at) { assign_empty(at, truths); });
    threads_.wait();
    for (const Truth& truth : truths) assign(truth);
    if (terms_.iou_thresh < 1) for_each_box([&](const BoxPlace& at) { average_place(at); });
    threads_.wait();
    add_losses(head_, uses_, &sums_, threads_);
    if (terms_.iou_loss != BoxMeasure::kMse) sums_.coord_loss = missed_;
    threads_.wait();
    if (terms_.delta_normalizer != 1) for_each_box([&](const BoxPlace& at) { normalize(at); });
    return sums_.summed(threads_);
  }

 private:
  template <class F>
  PYDARKNET_DEVICE void for_each_box(F&& body) {
    for (std::int64_t box = threads_.rank(); box < head_.boxes(); box += threads_.size())
      body(head_.place(box));
  }

  PYDARKNET_DEVICE const float* anchor(int index) const { return set_.anchors + 2 * index; }
  // At the origin, as parts of the image.
  PYDARKNET_DEVICE Box anchor_box(int index) const {
    return {0, 0, anchor(index)[0] / static_cast<float>(set_.net_w),
            anchor(index)[1] / static_cast<float>(set_.net_h)};
  }
  // The anchor of a box of this head, and the box of an anchor, -1 where it has none.
  PYDARKNET_DEVICE int masked(int box) const {
    const int index = set_.mask[box];
    return index >= 0 && index < set_.anchor_count ? index : 0;
  }
  PYDARKNET_DEVICE int box_of(int anchor_index) const {
    for (int box = 0; box < set_.mask_count; ++box) {
      if (set_.mask[box] == anchor_index) return box;
    }
    return -1;
  }
  PYDARKNET_DEVICE float objectness(const BoxPlace& at) const {
    return head_.output[head_.objectness_of(at)];
  }
  PYDARKNET_DEVICE float& objectness_delta(const BoxPlace& at) {
    return head_.delta[head_.objectness_of(at)];
  }

  PYDARKNET_DEVICE float weight_of(int category) const {
    return terms_.class_weights ? terms_.class_weights[category] : 1;
  }
  PYDARKNET_DEVICE float class_output(const BoxPlace& at, int category) const {
    return head_.output[head_.classes_of(at) + category * next_];
  }

  // Before the truths claim their boxes.
  PYDARKNET_DEVICE void assign_empty(const BoxPlace& at, const TruthList& truths) {
    const TruthMatch match = truths.best(head_.predict(at, anchor(masked(at.anchor))));
    const float weight = terms_.obj_normalizer, empty = weight * (0 - objectness(at));
    sums_.any_objectness += objectness(at);
    objectness_delta(at) = empty;
    if (match.overlap > set_.ignore_thresh && knows_a_class(at)) {
      const float raised = weight * (match.overlap - objectness(at));
      objectness_delta(at) = !terms_.objectness_smooth ? 0 : raised > empty ? raised : empty;
    }
    if (match.truth && match.overlap > set_.truth_thresh) assign_certain(at, *match.truth, match.overlap);
  }

  PYDARKNET_DEVICE bool knows_a_class(const BoxPlace& at) const {
    if (terms_.least_class < 0) return true;
    for (int c = 0; c < truth_rules_.classes; ++c) {
      if (class_output(at, c) > terms_.least_class) return true;
    }
    return false;
  }

  // A box that needs no truth to claim it.
  PYDARKNET_DEVICE void assign_certain(const BoxPlace& at, const Truth& truth, float overlap) {
    const int category = truth_rules_.map[truth.label];
    const float target = terms_.objectness_smooth ? overlap * overlap : 1;
    assign_place(at, masked(at.anchor), truth.box, weight_of(category));
    objectness_delta(at) = terms_.obj_normalizer * (target - objectness(at));
    assign_class(at, category, OneThread{});
    if (!terms_.objectness_smooth) return;
    const float way = target - class_output(at, category);
    head_.delta[head_.classes_of(at) + category * next_] = weight_of(category) * way;
  }

  PYDARKNET_DEVICE void assign(const Truth& truth) {
    const int best = best_anchor(truth.box);
    assign_box(best, truth);
    if (terms_.iou_thresh >= 1) return;
    for (int a = 0; a < set_.anchor_count; ++a) {
      const Box centred{0, 0, truth.box.w, truth.box.h};
      const bool fits = measure(anchor_box(a), centred, terms_.iou_thresh_kind) > terms_.iou_thresh;
      if (fits && a != best) assign_box(a, truth);
    }
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
      count(head_.predict(at, anchor(anchor_index)), truth.box, objectness(at));
    }
    assign_class(at, category, threads_);
    threads_.wait();
  }

  PYDARKNET_DEVICE void assign_objectness(const BoxPlace& at, float weight) {
    const float way = weight * terms_.obj_normalizer * (1 - objectness(at));
    if (!terms_.objectness_smooth || objectness_delta(at) == 0) objectness_delta(at) = way;
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

  // A slope that is no number is none.
  PYDARKNET_DEVICE float bounded(float slope) const {
    if (!(slope >= -FLT_MAX && slope <= FLT_MAX)) return 0;
    return slope > terms_.max_delta    ? terms_.max_delta
           : slope < -terms_.max_delta ? -terms_.max_delta
                                       : slope;
  }

  template <class Members>
  PYDARKNET_DEVICE void assign_class(const BoxPlace& at, int category, const Members& threads) {
    const std::int64_t first = head_.classes_of(at);
    const bool taught_before = head_.delta[first + (terms_.adds ? category * next_ : 0)] != 0;
    const bool focal = terms_.focal_loss && !taught_before;
    const float focus = focal ? focus_on(class_output(at, category)) : 1;
    const float smooth = focal ? 0 : terms_.label_smooth_eps;
    const float weight = !terms_.class_weights || focal ? 1
                         : taught_before                ? weight_of(category)
                                                        : weight_of(category) * terms_.cls_normalizer;
    threads.wait();  // all have seen the first delta
    for (int c = threads.rank(); c < truth_rules_.classes; c += threads.size()) {
      if (taught_before && c != category) continue;
      const std::int64_t i = first + c * next_;
      const float target = (c == category ? 1 - smooth : 0) + .5f * smooth;
      head_.delta[i] = (target - head_.output[i]) * focus * (c == category ? weight : 1);
    }
  }

  // Several truths of one box count like one of its classes each.
  PYDARKNET_DEVICE void average_place(const BoxPlace& at) {
    if (objectness_delta(at) == 0) return;
    int taught = 0;
    for (int c = 0; c < truth_rules_.classes; ++c)
      taught += head_.delta[head_.classes_of(at) + c * next_] > 0;
    for (int e = 0; taught > 1 && e < 4; ++e)
      head_.delta[head_.offset(at) + e * next_] /= static_cast<float>(taught);
  }

  PYDARKNET_DEVICE void normalize(const BoxPlace& at) {
    float* delta = head_.delta + head_.offset(at);
    for (int e = 0; e < head_.entries; ++e) delta[e * next_] *= terms_.delta_normalizer;
  }

  // By overlap with the truth, both at the origin; the first one of several that fit equally.
  PYDARKNET_DEVICE int best_anchor(const Box& truth) const {
    float best_iou = 0;
    int best = 0;
    for (int a = 0; a < set_.anchor_count; ++a) {
      const float found = iou(anchor_box(a), {0, 0, truth.w, truth.h});
      if (found > best_iou) best_iou = found, best = a;
    }
    return best;
  }

  const BoxHead head_;
  const YoloLossSettings set_;
  const YoloLossTerms terms_;
  const TruthRules truth_rules_;
  unsigned char* uses_;
  const std::int64_t next_;
  const Threads threads_;
  LossStatistics sums_{};
  double missed_ = 0;  // of the truths' overlaps
};

}  // namespace pydarknet
