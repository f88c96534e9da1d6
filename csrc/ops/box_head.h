// The boxes of [region] and [yolo] heads, and their share of the loss.
#pragma once
#include <cmath>
#include <cstdint>

#include "ops/box.h"
#include "ops/loss.h"

namespace pydarknet {

// Where a box stands: its anchor among those of the head, its cell.
struct BoxPlace {
  int anchor, row, column;
};

// One image of a head. Entry e (x, y, w, h, ...) of a box is [offset(box) + e * pixels()] of output and
// delta.
struct BoxHead {
  const float* output;
  float* delta;
  int anchors, entries, h, w;
  float unit_w, unit_h;  // the picture's size in the unit of the anchors

  std::int64_t pixels() const { return std::int64_t{h} * w; }
  std::int64_t offset(const BoxPlace& at) const {
    return at.anchor * entries * pixels() + std::int64_t{at.row} * w + at.column;
  }

  // x and y are through the logistic already. `anchor` is its width and height.
  Box predict(const BoxPlace& at, const float* anchor) const {
    const float* x = output + offset(at);
    const std::int64_t next = pixels();
    return {(static_cast<float>(at.column) + x[0]) / static_cast<float>(w),
            (static_cast<float>(at.row) + x[next]) / static_cast<float>(h),
            static_cast<float>(std::exp(double{x[2 * next]}) * anchor[0] / unit_w),
            static_cast<float>(std::exp(double{x[3 * next]}) * anchor[1] / unit_h)};
  }

  // Sets the deltas of x, y, w, h to scale * (truth - output); gives the IoU of the prediction and the truth.
  float pull(const BoxPlace& at, const float* anchor, const Box& truth, float scale) const {
    const float* x = output + offset(at);
    float* d = delta + offset(at);
    const std::int64_t next = pixels();
    d[0] = scale * (truth.x * static_cast<float>(w) - static_cast<float>(at.column) - x[0]);
    d[next] = scale * (truth.y * static_cast<float>(h) - static_cast<float>(at.row) - x[next]);
    d[2 * next] = scale * (std::log(truth.w * unit_w / anchor[0]) - x[2 * next]);
    d[3 * next] = scale * (std::log(truth.h * unit_h / anchor[1]) - x[3 * next]);
    return iou(predict(at, anchor), truth);
  }

  // The cell of a truth; a centre on the far edge belongs to the last one.
  BoxPlace cell_of(const Box& truth) const {
    const auto index = [](float place, int cells) {
      const int i = static_cast<int>(place * static_cast<float>(cells));
      return i < cells ? i : cells - 1;
    };
    return {0, index(truth.y, h), index(truth.x, w)};
  }

  template <class F>
  void for_each_box(F&& body) const {
    for (int row = 0; row < h; ++row) {
      for (int column = 0; column < w; ++column) {
        for (int anchor = 0; anchor < anchors; ++anchor) body(BoxPlace{anchor, row, column});
      }
    }
  }
};

// What a box was used for; a box may be both.
enum BoxUse : unsigned char { kNoObject = 0, kObject = 1, kClassified = 2 };

// Adds delta^2 to the losses. `uses` has one BoxUse for each box, anchor by anchor; the deltas of classes are
// all 0 where it is not kClassified. The objectness is entry `coords`.
inline void add_losses(const BoxHead& head, int coords, const unsigned char* uses, LossStatistics* sums) {
  const std::int64_t next = head.pixels();
  head.for_each_box([&](const BoxPlace& at) {
    const float* d = head.delta + head.offset(at);
    const unsigned char use = uses[at.anchor * next + std::int64_t{at.row} * head.w + at.column];
    double coord = 0, category = 0;
    for (int e = 0; e < coords; ++e) coord += square(d[e * next]);
    const double object = square(d[coords * next]);
    if (use & kClassified) {
      for (int e = coords + 1; e < head.entries; ++e) category += square(d[e * next]);
    }
    sums->coord_loss += coord;
    (use & kObject ? sums->object_loss : sums->noobject_loss) += object;
    sums->class_loss += category;
    sums->total_loss += coord + object + category;
  });
}

}  // namespace pydarknet
