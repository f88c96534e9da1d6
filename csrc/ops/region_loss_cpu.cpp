#include <algorithm>

#include "ops/box_head.h"
#include "ops/region_loss.h"
#include "threads.h"

namespace pydarknet {
namespace {

constexpr std::int64_t kPriorPictures = 12800;
constexpr float kPriorScale = .01f;
constexpr float kAssumedIou = .3f;  // of a picture with a class only

// The loss of one image.
class RegionImage {
 public:
  RegionImage(const BoxHead& head, RegionShape shape, const RegionLossSettings& settings,
              const ClassTree* tree, const TruthRules& rules)
      : head_(head),
        shape_(shape),
        set_(settings),
        tree_(tree),
        rules_(rules),
        next_(head.pixels()),
        uses_(static_cast<std::size_t>(next_ * head.anchors), kNoObject) {}

  LossStatistics run(const std::vector<Truth>& truths) {
    std::fill_n(head_.delta, next_ * head_.anchors * head_.entries, 0.0f);
    const auto only = std::find_if(truths.begin(), truths.end(),
                                   [](const Truth& truth) { return is_class_only(truth.box); });
    if (only != truths.end()) {
      teach_class_only(only->label);
    } else {
      head_.for_each_box([&](const BoxPlace& at) { teach_empty(at, truths); });
      for (const Truth& truth : truths) teach(truth);
    }
    if (set_.slope_in_loss) apply_slopes();
    add_losses(head_, shape_.coords, uses_.data(), &sums_);
    if (!set_.slope_in_loss) apply_slopes();
    return sums_;
  }

 private:
  const float* anchor(int index) const { return set_.anchors + 2 * index; }
  float objectness(std::int64_t box) const { return head_.output[box + shape_.coords * next_]; }
  float& objectness_delta(std::int64_t box) { return head_.delta[box + shape_.coords * next_]; }
  void use(const BoxPlace& at, int how) {
    uses_[at.anchor * next_ + std::int64_t{at.row} * head_.w + at.column] |= how;
  }

  // Before the truths claim their boxes.
  void teach_empty(const BoxPlace& at, const std::vector<Truth>& truths) {
    const Box predicted = head_.predict(at, anchor(at.anchor));
    const std::int64_t box = head_.offset(at);
    float best_iou = 0;
    const Truth* best = nullptr;
    for (const Truth& truth : truths) {
      const float found = iou(predicted, truth.box);
      if (found > best_iou) best_iou = found, best = &truth;
    }
    sums_.any_objectness += objectness(box);
    const float target = set_.classfix == -1 ? best_iou : shape_.background ? 1 : 0;
    objectness_delta(box) = set_.noobject_scale * (target - objectness(box));
    if (set_.classfix != -1 && best_iou > set_.thresh) {
      objectness_delta(box) = 0;
      if (set_.classfix > 0 && best) fix_class(at, best->label);
    }
    if (set_.seen < kPriorPictures) pull_to_anchor(at);
  }

  // The label is not mapped here.
  void fix_class(const BoxPlace& at, int label) {
    if (label >= shape_.classes) return;
    const float weight = set_.classfix == 2 ? objectness(head_.offset(at)) : 1;
    teach_class(at, label, set_.class_scale * weight);
    sums_.classified += 1;
  }

  void pull_to_anchor(const BoxPlace& at) {
    const float w = static_cast<float>(head_.w), h = static_cast<float>(head_.h);
    const Box centred{(static_cast<float>(at.column) + .5f) / w, (static_cast<float>(at.row) + .5f) / h,
                      anchor(at.anchor)[0] / w, anchor(at.anchor)[1] / h};
    head_.pull(at, anchor(at.anchor), centred, kPriorScale);
  }

  void teach(const Truth& truth) {
    BoxPlace at = head_.cell_of(truth.box);
    at.anchor = best_anchor(at, truth.box);
    const std::int64_t box = head_.offset(at);
    const float weight = set_.weigh_small ? 2 - truth.box.w * truth.box.h : 1;
    const float found = head_.pull(at, anchor(at.anchor), truth.box, set_.coord_scale * weight);
    for (int e = 4; e < shape_.coords; ++e) {
      head_.delta[box + e * next_] = set_.mask_scale * (truth.mask[e - 4] - head_.output[box + e * next_]);
    }
    const float target = shape_.background ? 0 : set_.rescore ? found : 1;
    objectness_delta(box) = set_.object_scale * (target - objectness(box));
    teach_class(at, rules_.map[truth.label], set_.class_scale);
    use(at, kObject);
    sums_.recall += found > .5f;
    sums_.recall75 += found > .75f;
    sums_.iou += found;
    sums_.objectness += objectness(box);
    sums_.matched += 1;
    sums_.classified += 1;
  }

  // By overlap with the truth, both at the origin; the first one of several that fit equally.
  int best_anchor(BoxPlace at, const Box& truth) const {
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

  void teach_class(const BoxPlace& at, int category, float scale) {
    const std::int64_t first = head_.offset(at) + (shape_.coords + 1) * next_;
    use(at, kClassified);
    if (tree_) {
      teach_path(first, category, scale);
      return;
    }
    if (set_.multi_label && head_.delta[first] != 0) {
      set_class_delta(first, category, scale, 1);
      return;
    }
    for (int c = 0; c < shape_.classes; ++c) set_class_delta(first, c, scale, c == category ? 1 : 0);
    sums_.category += head_.output[first + category * next_];
    if (set_.focal_loss) weigh_by_focus(first, category);
  }

  void set_class_delta(std::int64_t first, int c, float scale, float target) {
    const std::int64_t i = first + c * next_;
    head_.delta[i] = scale * (target - head_.output[i]);
  }

  void weigh_by_focus(std::int64_t first, int category) {
    const float p = head_.output[first + category * next_] + 1e-15f;
    const float focus = -.5f * (1 - p) * (2 * p * std::log(p) + p - 1);
    for (int c = 0; c < shape_.classes; ++c) head_.delta[first + c * next_] *= focus;
  }

  // A softmax for each group from the class up to its root.
  void teach_path(std::int64_t first, int category, float scale) {
    sums_.category += path_probability(first, category);
    for (int node = category; node >= 0; node = tree_->parent[node]) {
      const int group = tree_->group[node], begin = tree_->group_offset[group];
      for (int c = begin; c < begin + tree_->group_size[group]; ++c) {
        set_class_delta(first, c, scale, c == node ? 1 : 0);
      }
    }
  }

  float path_probability(std::int64_t first, int category) const {
    float product = 1;
    for (int node = category; node >= 0; node = tree_->parent[node]) {
      product *= head_.output[first + node * next_];
    }
    return product;
  }

  void teach_class_only(int category) {
    const BoxPlace chosen = most_probable_box(category);
    const std::int64_t box = head_.offset(chosen);
    teach_class(chosen, category, set_.class_scale);
    sums_.classified += 1;
    if (set_.class_only == ClassOnly::kIgnore) return;
    head_.for_each_box([&](const BoxPlace& at) {
      const std::int64_t other = head_.offset(at);
      objectness_delta(other) = set_.noobject_scale * (0 - objectness(other));
    });
    const bool pull = set_.class_only == ClassOnly::kPull && objectness(box) < kAssumedIou;
    objectness_delta(box) = pull ? set_.object_scale * (kAssumedIou - objectness(box)) : 0;
    use(chosen, kObject);
  }

  BoxPlace most_probable_box(int category) const {
    BoxPlace best{0, 0, 0};
    float highest = 0;
    head_.for_each_box([&](const BoxPlace& at) {
      const std::int64_t box = head_.offset(at), first = box + (shape_.coords + 1) * next_;
      const float probability = objectness(box) * path_probability(first, category);
      if (probability > highest) highest = probability, best = at;
    });
    return best;
  }

  // Of the logistic on x, y, mask and objectness; classes and background have none by their loss.
  void apply_slopes() {
    for (int a = 0; a < head_.anchors; ++a) {
      for (int e = 0; e <= shape_.coords; ++e) {
        if (e == 2 || e == 3 || (e == shape_.coords && shape_.background)) continue;
        const std::int64_t begin = (std::int64_t{a} * head_.entries + e) * next_;
        for (std::int64_t i = begin; i < begin + next_; ++i) {
          head_.delta[i] *= (1 - head_.output[i]) * head_.output[i];
        }
      }
    }
  }

  const BoxHead head_;
  const RegionShape shape_;
  const RegionLossSettings& set_;
  const ClassTree* tree_;
  const TruthRules& rules_;
  const std::int64_t next_;
  std::vector<unsigned char> uses_;
  LossStatistics sums_{};
};

}  // namespace

LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream) {
  // Sums of images are added up in their order, so that the number of threads changes nothing.
  std::vector<LossStatistics> sums(static_cast<std::size_t>(output.n));
  parallel_for(output.n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (int image = static_cast<int>(begin); image < end; ++image) {
      const BoxHead head{output.channel(image, 0),
                         delta.channel(image, 0),
                         shape.anchors,
                         shape.entries(),
                         output.h,
                         output.w,
                         static_cast<float>(output.w),
                         static_cast<float>(output.h)};
      RegionImage one(head, shape, settings, tree, rules);
      sums[static_cast<std::size_t>(image)] = one.run(read_truths(truths, image, rules));
    }
  });
  LossStatistics all{};
  for (const LossStatistics& one : sums) all += one;
  return all;
}

}  // namespace pydarknet
