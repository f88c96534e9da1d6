#include <algorithm>

#include "ops/box_head.h"
#include "ops/yolo_loss.h"
#include "threads.h"

namespace pydarknet {
namespace {

constexpr int kObjectness = 4;

// The loss of one image.
class YoloImage {
 public:
  YoloImage(const BoxHead& head, const YoloLossSettings& settings, const TruthRules& rules)
      : head_(head),
        set_(settings),
        rules_(rules),
        next_(head.pixels()),
        uses_(static_cast<std::size_t>(next_ * head.anchors), kNoObject) {}

  LossStatistics run(const std::vector<Truth>& truths) {
    std::fill_n(head_.delta, next_ * head_.anchors * head_.entries, 0.0f);
    head_.for_each_box([&](const BoxPlace& at) { teach_empty(at, truths); });
    for (const Truth& truth : truths) teach(truth);
    add_losses(head_, kObjectness, uses_.data(), &sums_);
    return sums_;
  }

 private:
  const float* anchor(int index) const { return set_.anchors + 2 * index; }
  float objectness(const BoxPlace& at) const { return head_.output[head_.offset(at) + kObjectness * next_]; }
  void set_objectness(const BoxPlace& at, float delta) {
    head_.delta[head_.offset(at) + kObjectness * next_] = delta;
  }

  // Before the truths claim their boxes.
  void teach_empty(const BoxPlace& at, const std::vector<Truth>& truths) {
    const Box predicted = head_.predict(at, anchor(set_.mask[at.anchor]));
    float best_iou = 0;
    const Truth* best = nullptr;
    for (const Truth& truth : truths) {
      const float found = iou(predicted, truth.box);
      if (found > best_iou) best_iou = found, best = &truth;
    }
    sums_.any_objectness += objectness(at);
    set_objectness(at, best_iou > set_.ignore_thresh ? 0 : 0 - objectness(at));
    if (best && best_iou > set_.truth_thresh) teach_box(at, set_.mask[at.anchor], *best);
  }

  void teach(const Truth& truth) {
    const int best = best_anchor(truth.box);
    const std::int32_t* found = std::find(set_.mask, set_.mask + set_.mask_count, best);
    if (found == set_.mask + set_.mask_count) return;
    BoxPlace at = head_.cell_of(truth.box);
    at.anchor = static_cast<int>(found - set_.mask);
    sums_.category += class_output(at, rules_.map[truth.label]);
    const float overlapped = teach_box(at, best, truth);
    sums_.objectness += objectness(at);
    sums_.iou += overlapped;
    sums_.recall += overlapped > .5f;
    sums_.recall75 += overlapped > .75f;
    sums_.matched += 1;
    sums_.classified += 1;
  }

  // Gives the IoU of the prediction and the truth.
  float teach_box(const BoxPlace& at, int anchor_index, const Truth& truth) {
    uses_[at.anchor * next_ + std::int64_t{at.row} * head_.w + at.column] = kObject | kClassified;
    set_objectness(at, 1 - objectness(at));
    teach_class(at, rules_.map[truth.label]);
    return head_.pull(at, anchor(anchor_index), truth.box, 2 - truth.box.w * truth.box.h);
  }

  float class_output(const BoxPlace& at, int category) const {
    return head_.output[head_.offset(at) + (kObjectness + 1 + category) * next_];
  }

  void teach_class(const BoxPlace& at, int category) {
    float* first = head_.delta + head_.offset(at) + (kObjectness + 1) * next_;
    const bool taught_before = *first != 0;
    for (int c = 0; c < rules_.classes; ++c) {
      if (taught_before && c != category) continue;
      first[c * next_] = (c == category ? 1 : 0) - class_output(at, c);
    }
  }

  // By overlap with the truth, both at the origin; the first one of several that fit equally.
  int best_anchor(const Box& truth) const {
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
  const YoloLossSettings& set_;
  const TruthRules& rules_;
  const std::int64_t next_;
  std::vector<unsigned char> uses_;
  LossStatistics sums_{};
};

}  // namespace

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream) {
  // Sums of images are added up in their order, so that the number of threads changes nothing.
  std::vector<LossStatistics> sums(static_cast<std::size_t>(output.n));
  parallel_for(output.n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (int image = static_cast<int>(begin); image < end; ++image) {
      const BoxHead head{output.channel(image, 0),
                         delta.channel(image, 0),
                         settings.mask_count,
                         kObjectness + 1 + rules.classes,
                         output.h,
                         output.w,
                         static_cast<float>(settings.net_w),
                         static_cast<float>(settings.net_h)};
      YoloImage one(head, settings, rules);
      sums[static_cast<std::size_t>(image)] = one.run(read_truths(truths, image, rules));
    }
  });
  LossStatistics all{};
  for (const LossStatistics& one : sums) all += one;
  return all;
}

}  // namespace pydarknet
