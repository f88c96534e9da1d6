// The [region] loss of one image, as a thread group's work: boxes side by side, truths one after another.
#pragma once
#include <cfloat>

#include "ops/region_loss.h"
#include "shared/box_head.h"
#include "shared/thread_group.h"
#include "shared/truths.h"

namespace pydarknet {

inline constexpr std::int64_t kPriorImages = 12800;
inline constexpr float kPriorScale = .01f;
inline constexpr float kAssumedIou = .3f;  // of an image with a class only

// What all images of a mini-batch have in common. `tree` has no arrays where there is none.
struct RegionRules {
  RegionShape shape;
  RegionLossSettings set;
  ClassTree tree;
  TruthRules truths;

  PYDARKNET_DEVICE BoxHead head(const ConstPlain& output, const Plain& delta, int image) const {
    return image_head(output, delta, image, shape.anchors, shape.coords, static_cast<float>(output.w),
                      static_cast<float>(output.h));
  }
};

template <class Threads>
class RegionImage {
 public:
  // Deltas and `uses`, one for each box, are 0.
  PYDARKNET_DEVICE RegionImage(const BoxHead& head, const RegionRules& rules, unsigned char* uses,
                               Threads threads)
      : head_(head),
        shape_(rules.shape),
        set_(rules.set),
        tree_(rules.tree),
        map_(rules.truths.map),
        uses_(uses),
        next_(head.pixels()),
        threads_(threads) {}

  PYDARKNET_DEVICE LossStatistics run(const TruthList& truths) {
    const Truth* last = truths.end() - 1;
    if (truths.count && is_class_only(last->box)) {
      assign_class_only(last->label);
    } else {
      for_each_box(head_, threads_, [&](const BoxPlace& at) { assign_empty(at, truths); });
      threads_.wait();
      for (const Truth& truth : truths) assign(truth);
    }
    threads_.wait();
    if (set_.slope_in_loss) apply_slopes();
    threads_.wait();
    add_losses(head_, uses_, &sums_, threads_);
    threads_.wait();
    if (!set_.slope_in_loss) apply_slopes();
    return sums_.summed(threads_);
  }

 private:
  PYDARKNET_DEVICE bool leads() const { return threads_.rank() == 0; }
  PYDARKNET_DEVICE const float* anchor(int index) const { return set_.anchors + 2 * index; }

  // Before the truths claim their boxes.
  PYDARKNET_DEVICE void assign_empty(const BoxPlace& at, const TruthList& truths) {
    const TruthMatch match = truths.best(head_.predict(at, anchor(at.anchor)));
    sums_.any_objectness += head_.objectness(at);
    const float target = set_.classfix == -1 ? match.overlap : shape_.background ? 1 : 0;
    head_.objectness_delta(at) = set_.noobject_scale * (target - head_.objectness(at));
    if (set_.classfix != -1 && match.overlap > set_.thresh) {
      head_.objectness_delta(at) = 0;
      if (set_.classfix > 0) fix_class(at, match.truth ? match.truth->label : -1);
    }
    if (set_.seen < kPriorImages) pull_to_anchor(at);
  }

  // The label is not mapped here.
  PYDARKNET_DEVICE void fix_class(const BoxPlace& at, int label) {
    if (label < 0 || label >= shape_.classes) return;
    const float weight = set_.classfix == 2 ? head_.objectness(at) : 1;
    uses_[head_.number(at)] |= kClassified;
    sums_.category += assign_class(at, label, set_.class_scale * weight, OneThread{});
    sums_.classified += 1;
  }

  PYDARKNET_DEVICE void pull_to_anchor(const BoxPlace& at) {
    const float w = static_cast<float>(head_.w), h = static_cast<float>(head_.h);
    const Box centred{(static_cast<float>(at.column) + .5f) / w, (static_cast<float>(at.row) + .5f) / h,
                      anchor(at.anchor)[0] / w, anchor(at.anchor)[1] / h};
    head_.pull(at, anchor(at.anchor), centred, kPriorScale);
  }

  PYDARKNET_DEVICE void assign(const Truth& truth) {
    BoxPlace at = head_.cell_of(truth.box);
    at.anchor = static_cast<int>(threads_.sum(leads() ? best_anchor(at, truth.box) : 0));
    if (leads()) assign_box(at, truth);
    const float probability = assign_class(at, map_[truth.label], set_.class_scale, threads_);
    if (leads()) sums_.category += probability;
    threads_.wait();
  }

  PYDARKNET_DEVICE void assign_box(const BoxPlace& at, const Truth& truth) {
    const std::int64_t box = head_.offset(at);
    const float weight = set_.weigh_small ? 2 - truth.box.w * truth.box.h : 1;
    const float found = head_.pull(at, anchor(at.anchor), truth.box, set_.coord_scale * weight);
    for (int e = 4; e < shape_.coords; ++e) {
      head_.delta[box + e * next_] = set_.mask_scale * (truth.mask[e - 4] - head_.output[box + e * next_]);
    }
    const float target = shape_.background ? 0 : set_.rescore ? found : 1;
    head_.objectness_delta(at) = set_.object_scale * (target - head_.objectness(at));
    uses_[head_.number(at)] |= kObject | kClassified;
    sums_.add_match(found, head_.objectness(at));
  }

  // By overlap with the truth, both at the origin; the first one of several that fit equally.
  PYDARKNET_DEVICE int best_anchor(BoxPlace at, const Box& truth) const {
    const Box shifted{0, 0, truth.w, truth.h};
    float best_iou = 0;
    int best = 0;
    for (at.anchor = 0; at.anchor < head_.anchors; ++at.anchor) {
      const float* sides = anchor(at.anchor);
      Box box{0, 0, sides[0] / static_cast<float>(head_.w), sides[1] / static_cast<float>(head_.h)};
      if (!set_.bias_match) box = head_.predict(at, sides);
      box.x = box.y = 0;
      const float found = iou(box, shifted);
      if (found > best_iou) best_iou = found, best = at.anchor;
    }
    return best;
  }

  // Gives what the head thinks of the class; 0 where a second class is only added to the first.
  template <class Members>
  PYDARKNET_DEVICE float assign_class(const BoxPlace& at, int category, float scale, const Members& threads) {
    const std::int64_t first = head_.classes_of(at);
    if (tree_.parent) {
      assign_path(first, category, scale, threads);
      return path_probability(first, category);
    }
    const bool added = set_.multi_label && head_.delta[first] != 0;
    const float probability = head_.output[first + category * next_];
    const float focus = set_.focal_loss && !added ? focus_on(probability) : 1;
    threads.wait();  // all have seen the first delta
    for (int c = threads.rank(); c < shape_.classes; c += threads.size()) {
      if (added && c != category) continue;
      set_class_delta(first, c, scale, c == category ? 1 : 0);
      head_.delta[first + c * next_] *= focus;
    }
    return added ? 0 : probability;
  }

  PYDARKNET_DEVICE void set_class_delta(std::int64_t first, int c, float scale, float target) {
    const std::int64_t i = first + c * next_;
    head_.delta[i] = scale * (target - head_.output[i]);
  }

  // A softmax for each group from the class up to its root.
  template <class Members>
  PYDARKNET_DEVICE void assign_path(std::int64_t first, int category, float scale, const Members& threads) {
    for (int node = category; node >= 0; node = tree_.above(node)) {
      const ClassTree::Range group = tree_.siblings(node, shape_.classes);
      for (int c = group.begin + threads.rank(); c < group.end; c += threads.size()) {
        set_class_delta(first, c, scale, c == node ? 1 : 0);
      }
    }
  }

  PYDARKNET_DEVICE float path_probability(std::int64_t first, int category) const {
    float product = 1;
    for (int node = category; node >= 0; node = tree_.above(node)) {
      product *= head_.output[first + node * next_];
    }
    return product;
  }

  PYDARKNET_DEVICE void assign_class_only(int category) {
    const BoxPlace chosen = class_only_box(category);
    const float probability = assign_class(chosen, category, set_.class_scale, threads_);
    if (leads()) {
      sums_.category += probability;
      sums_.classified += 1;
      uses_[head_.number(chosen)] |= kClassified;
    }
    if (set_.class_only == ClassOnly::kIgnore) return;
    if (set_.class_only != ClassOnly::kAssume) {
      for_each_box(head_, threads_, [&](const BoxPlace& at) {
        head_.objectness_delta(at) = set_.noobject_scale * (0 - head_.objectness(at));
      });
    }
    threads_.wait();
    if (!leads()) return;
    const bool pull = set_.class_only != ClassOnly::kSpare && head_.objectness(chosen) < kAssumedIou;
    head_.objectness_delta(chosen) = pull ? set_.object_scale * (kAssumedIou - head_.objectness(chosen)) : 0;
    uses_[head_.number(chosen)] |= kObject;
  }

  PYDARKNET_DEVICE BoxPlace class_only_box(int category) {
    if (set_.class_only_box == ClassOnlyBox::kLargest) {
      return highest_box(
          [&](const BoxPlace& at) { return visible_area(head_.predict(at, anchor(at.anchor))); });
    }
    if (set_.class_only_box == ClassOnlyBox::kSurest) {
      return highest_box([&](const BoxPlace& at) { return head_.objectness(at); });
    }
    return highest_box([&](const BoxPlace& at) {
      return head_.objectness(at) * path_probability(head_.classes_of(at), category);
    });
  }

  // By a score; of several the first one in Darknet's order: cell by cell, and the anchors of each.
  template <class Score>
  PYDARKNET_DEVICE BoxPlace highest_box(Score&& score) {
    constexpr double kNone = -DBL_MAX;
    float highest = 0;
    double order = kNone;  // negative, so that the highest is the first
    for_each_box(head_, threads_, [&](const BoxPlace& at) {
      const float found = score(at);
      const double here =
          -static_cast<double>((std::int64_t{at.row} * head_.w + at.column) * head_.anchors + at.anchor);
      if (found > highest || (found == highest && here > order)) {
        highest = found;
        order = here;
      }
    });
    const double top = threads_.highest(highest);
    if (!(top > 0)) return {0, 0, 0};
    const auto best = static_cast<std::int64_t>(-threads_.highest(double{highest} == top ? order : kNone));
    const auto cell = static_cast<int>(best / head_.anchors);
    return {static_cast<int>(best % head_.anchors), cell / head_.w, cell % head_.w};
  }

  // Of the logistic on x, y, mask and objectness; classes and background have none by their loss.
  PYDARKNET_DEVICE void apply_slopes() {
    for_each_box(head_, threads_, [&](const BoxPlace& at) {
      const std::int64_t box = head_.offset(at);
      for (int e = 0; e <= shape_.coords; ++e) {
        if (e == 2 || e == 3 || (e == shape_.coords && shape_.background)) continue;
        const std::int64_t i = box + e * next_;
        head_.delta[i] *= (1 - head_.output[i]) * head_.output[i];
      }
    });
  }

  const BoxHead head_;
  const RegionShape shape_;
  const RegionLossSettings set_;
  const ClassTree tree_;
  const ClassMap map_;
  unsigned char* uses_;
  const std::int64_t next_;
  const Threads threads_;
  LossStatistics sums_{};
};

}  // namespace pydarknet
