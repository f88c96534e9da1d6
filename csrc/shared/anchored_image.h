// What the losses of heads with anchors share, one image at a time, as a thread group's work.
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
    return image_head(output, delta, image, set.mask_count,
                      set.gaussian.counts ? kGaussianObjectness : kYoloObjectness,
                      static_cast<float>(set.net_w), static_cast<float>(set.net_h), set.squares);
  }
};

template <class Threads>
class AnchoredImage {
 protected:
  PYDARKNET_DEVICE AnchoredImage(const BoxHead& head, const YoloRules& rules, unsigned char* uses,
                                 Threads threads)
      : head_(head),
        set_(rules.set),
        terms_(rules.set.terms),
        truth_rules_(rules.truths),
        uses_(uses),
        next_(head.pixels()),
        threads_(threads) {}

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

  PYDARKNET_DEVICE float weight_of(int category) const {
    return terms_.class_weights ? terms_.class_weights[category] : 1;
  }
  PYDARKNET_DEVICE float class_output(const BoxPlace& at, int category) const {
    return head_.output[head_.classes_of(at) + category * next_];
  }

  PYDARKNET_DEVICE bool knows_a_class(const BoxPlace& at) const {
    if (terms_.least_class < 0) return true;
    for (int c = 0; c < truth_rules_.classes; ++c) {
      if (class_output(at, c) > terms_.least_class) return true;
    }
    return false;
  }

  // A slope that is no number is none.
  PYDARKNET_DEVICE float bounded(float slope) const {
    if (!(slope >= -FLT_MAX && slope <= FLT_MAX)) return 0;
    return slope > terms_.max_delta    ? terms_.max_delta
           : slope < -terms_.max_delta ? -terms_.max_delta
                                       : slope;
  }

  // A box that has been taught before learns one class more; `by_class`: unless it has been taught that one.
  template <class Members>
  PYDARKNET_DEVICE void assign_class(const BoxPlace& at, int category, bool by_class,
                                     const Members& threads) {
    const std::int64_t first = head_.classes_of(at);
    const bool taught_before = head_.delta[first + (by_class ? category * next_ : 0)] != 0;
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

  // The anchors whose boxes a truth claims: the best one, then by `iou_thresh` those that fit it too.
  template <class F>
  PYDARKNET_DEVICE void for_each_claim(const Box& truth, F&& claim) const {
    const int best = best_anchor(truth);
    claim(best);
    if (terms_.iou_thresh >= 1) return;
    for (int a = 0; a < set_.anchor_count; ++a) {
      const bool fits =
          measure(anchor_box(a), {0, 0, truth.w, truth.h}, terms_.iou_thresh_kind) > terms_.iou_thresh;
      if (fits && a != best) claim(a);
    }
  }

  // Several truths of one box count like one of its classes each.
  PYDARKNET_DEVICE void average_place(const BoxPlace& at) {
    int taught = 0;
    for (int c = 0; c < truth_rules_.classes; ++c)
      taught += head_.delta[head_.classes_of(at) + c * next_] > 0;
    for (int e = 0; taught > 1 && e < head_.coords; ++e)
      head_.delta[head_.offset(at) + e * next_] /= static_cast<float>(taught);
  }

  const BoxHead head_;
  const YoloLossSettings set_;
  const YoloLossTerms terms_;
  const TruthRules truth_rules_;
  unsigned char* uses_;
  const std::int64_t next_;
  const Threads threads_;
  LossStatistics sums_{};
};

}  // namespace pydarknet
