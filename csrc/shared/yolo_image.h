// The [yolo] loss of one image, as a team's work: boxes side by side, truths one after another.
#pragma once
#include "ops/yolo_loss.h"
#include "shared/box_head.h"
#include "shared/team.h"
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

template <class Team>
class YoloImage {
 public:
  // Deltas and `uses`, one for each box, are 0.
  PYDARKNET_DEVICE YoloImage(const BoxHead& head, const YoloRules& rules, unsigned char* uses, Team team)
      : head_(head),
        set_(rules.set),
        truth_rules_(rules.truths),
        uses_(uses),
        next_(head.pixels()),
        team_(team) {}

  PYDARKNET_DEVICE LossStatistics run(const TruthList& truths) {
    for (std::int64_t box = team_.rank(); box < head_.boxes(); box += team_.size()) {
      teach_empty(head_.place(box), truths);
    }
    team_.wait();
    for (const Truth& truth : truths) teach(truth);
    add_losses(head_, uses_, &sums_, team_);
    return sums_.summed(team_);
  }

 private:
  PYDARKNET_DEVICE const float* anchor(int index) const { return set_.anchors + 2 * index; }
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

  // Before the truths claim their boxes.
  PYDARKNET_DEVICE void teach_empty(const BoxPlace& at, const TruthList& truths) {
    const TruthMatch match = truths.best(head_.predict(at, anchor(masked(at.anchor))));
    sums_.any_objectness += objectness(at);
    objectness_delta(at) = match.overlap > set_.ignore_thresh ? 0 : 0 - objectness(at);
    if (match.truth && match.overlap > set_.truth_thresh) {
      teach_box(at, masked(at.anchor), *match.truth);
      teach_class(at, truth_rules_.map[match.truth->label], Alone{});
    }
  }

  // By the team: classes side by side.
  PYDARKNET_DEVICE void teach(const Truth& truth) {
    const bool leads = team_.rank() == 0;
    BoxPlace at = head_.cell_of(truth.box);
    const int best = best_anchor(truth.box), category = truth_rules_.map[truth.label];
    at.anchor = box_of(best);
    if (at.anchor < 0) return;
    if (leads) {
      sums_.category += head_.output[head_.classes_of(at) + category * next_];
      sums_.add_match(teach_box(at, best, truth), objectness(at));
    }
    teach_class(at, category, team_);
    team_.wait();
  }

  // All but the class. Gives the IoU of the prediction and the truth.
  PYDARKNET_DEVICE float teach_box(const BoxPlace& at, int anchor_index, const Truth& truth) {
    uses_[head_.number(at)] = kObject | kClassified;
    objectness_delta(at) = 1 - objectness(at);
    return head_.pull(at, anchor(anchor_index), truth.box, 2 - truth.box.w * truth.box.h);
  }

  template <class Members>
  PYDARKNET_DEVICE void teach_class(const BoxPlace& at, int category, const Members& team) {
    const std::int64_t first = head_.classes_of(at);
    const bool taught_before = head_.delta[first] != 0;
    team.wait();  // all have seen the first delta
    for (int c = team.rank(); c < truth_rules_.classes; c += team.size()) {
      if (taught_before && c != category) continue;
      const std::int64_t i = first + c * next_;
      head_.delta[i] = (c == category ? 1 : 0) - head_.output[i];
    }
  }

  // By overlap with the truth, both at the origin; the first one of several that fit equally.
  PYDARKNET_DEVICE int best_anchor(const Box& truth) const {
    float best_iou = 0;
    int best = 0;
    for (int a = 0; a < set_.anchor_count; ++a) {
      const Box box{0, 0, anchor(a)[0] / static_cast<float>(set_.net_w),
                    anchor(a)[1] / static_cast<float>(set_.net_h)};
      const float found = iou(box, {0, 0, truth.w, truth.h});
      if (found > best_iou) best_iou = found, best = a;
    }
    return best;
  }

  const BoxHead head_;
  const YoloLossSettings set_;
  const TruthRules truth_rules_;
  unsigned char* uses_;
  const std::int64_t next_;
  const Team team_;
  LossStatistics sums_{};
};

}  // namespace pydarknet
