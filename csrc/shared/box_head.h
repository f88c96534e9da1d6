// The boxes of [region] and [yolo] heads, and their share of the loss.
#pragma once
#include <cmath>
#include <cstdint>

#include "ops/loss.h"
#include "ops/tensor.h"
#include "shared/box.h"

namespace pydarknet {

// Where a box stands: its anchor among those of the head, its cell.
struct BoxPlace {
  int anchor, row, column;
};

// One image of a head. Entry e of a box is [offset(box) + e * pixels()] of output and delta: first `coords`
// of them (x, y, w, h, mask), then the objectness, then the classes.
struct BoxHead {
  const float* output;
  float* delta;
  int anchors, coords, entries, h, w;
  float unit_w, unit_h;  // the image's size in the unit of the anchors
  bool squares;          // w and h of a box are (2 v)^2 of its anchor's instead of e^v

  PYDARKNET_DEVICE std::int64_t pixels() const { return std::int64_t{h} * w; }
  PYDARKNET_DEVICE std::int64_t boxes() const { return anchors * pixels(); }
  // Boxes are numbered anchor by anchor, row by row.
  PYDARKNET_DEVICE BoxPlace place(std::int64_t box) const {
    const auto cell = static_cast<int>(box % pixels());
    return {static_cast<int>(box / pixels()), cell / w, cell % w};
  }
  PYDARKNET_DEVICE std::int64_t number(const BoxPlace& at) const {
    return at.anchor * pixels() + std::int64_t{at.row} * w + at.column;
  }
  PYDARKNET_DEVICE std::int64_t offset(const BoxPlace& at) const {
    return at.anchor * entries * pixels() + std::int64_t{at.row} * w + at.column;
  }

  PYDARKNET_DEVICE float objectness(const BoxPlace& at) const {
    return output[offset(at) + coords * pixels()];
  }
  PYDARKNET_DEVICE float& objectness_delta(const BoxPlace& at) const {
    return delta[offset(at) + coords * pixels()];
  }
  PYDARKNET_DEVICE std::int64_t classes_of(const BoxPlace& at) const {
    return offset(at) + (coords + 1) * pixels();
  }

  // x and y are through the logistic already. `anchor` is its width and height.
  PYDARKNET_DEVICE Box predict(const BoxPlace& at, const float* anchor) const {
    const float* x = output + offset(at);
    const std::int64_t next = pixels();
    return {(static_cast<float>(at.column) + x[0]) / static_cast<float>(w),
            (static_cast<float>(at.row) + x[next]) / static_cast<float>(h),
            static_cast<float>(size(x[2 * next]) * anchor[0] / unit_w),
            static_cast<float>(size(x[3 * next]) * anchor[1] / unit_h)};
  }

  // A side as a multiple of the anchor's, and back.
  PYDARKNET_DEVICE double size(float v) const {
    return squares ? 4 * double{v} * double{v} : std::exp(double{v});
  }
  PYDARKNET_DEVICE float entry(float multiple) const {
    return squares ? std::sqrt(multiple) / 2 : std::log(multiple);
  }

  // From the output to what it would be for the truth: x, y, w, h.
  PYDARKNET_DEVICE Box way_to(const BoxPlace& at, const float* anchor, const Box& truth) const {
    const float* x = output + offset(at);
    const std::int64_t next = pixels();
    return {truth.x * static_cast<float>(w) - static_cast<float>(at.column) - x[0],
            truth.y * static_cast<float>(h) - static_cast<float>(at.row) - x[next],
            entry(truth.w * unit_w / anchor[0]) - x[2 * next],
            entry(truth.h * unit_h / anchor[1]) - x[3 * next]};
  }

  // Sets the deltas of x, y, w, h to scale * (truth - output); gives the IoU of the prediction and the truth.
  PYDARKNET_DEVICE float pull(const BoxPlace& at, const float* anchor, const Box& truth, float scale) const {
    const Box way = way_to(at, anchor, truth);
    float* d = delta + offset(at);
    const std::int64_t next = pixels();
    d[0] = scale * way.x, d[next] = scale * way.y;
    d[2 * next] = scale * way.w, d[3 * next] = scale * way.h;
    return iou(predict(at, anchor), truth);
  }

  // The cell of a truth; a centre on the far edge belongs to the last one.
  PYDARKNET_DEVICE BoxPlace cell_of(const Box& truth) const {
    const auto index = [](float place, int cells) {
      const int i = static_cast<int>(place * static_cast<float>(cells));
      return i < cells ? i : cells - 1;
    };
    return {0, index(truth.y, h), index(truth.x, w)};
  }
};

// One image of a batch, as the launchers of the losses see it.
PYDARKNET_DEVICE inline BoxHead image_head(const ConstPlain& output, const Plain& delta, int image,
                                           int anchors, int coords, float unit_w, float unit_h,
                                           bool squares = false) {
  return {output.channel(image, 0),
          delta.channel(image, 0),
          anchors,
          coords,
          output.c / anchors,
          output.h,
          output.w,
          unit_w,
          unit_h,
          squares};
}

// The focal loss of AlexeyAB's Darknet: what all deltas of a class count, by what the head thinks of it.
PYDARKNET_DEVICE inline float focus_on(float probability) {
  const float p = probability + 1e-15f;
  return -.5f * (1 - p) * (2 * p * std::log(p) + p - 1);
}

// Boxes side by side, each member of the thread group its part.
template <class Threads, class F>
PYDARKNET_DEVICE void for_each_box(const BoxHead& head, const Threads& threads, F&& body) {
  for (std::int64_t box = threads.rank(); box < head.boxes(); box += threads.size()) body(head.place(box));
}

// What a box was used for; a box may be both.
enum BoxUse : unsigned char { kNoObject = 0, kObject = 1, kClassified = 2 };

// Adds delta^2 to the losses, each member of the thread group its part. `uses` has one BoxUse for each box;
// the deltas of classes are all 0 where it is not kClassified.
template <class Threads>
PYDARKNET_DEVICE void add_losses(const BoxHead& head, const unsigned char* uses, LossStatistics* sums,
                                 const Threads& threads) {
  const std::int64_t next = head.pixels(), boxes = head.boxes();
  for (std::int64_t box = threads.rank(); box < boxes; box += threads.size()) {
    const float* d = head.delta + head.offset(head.place(box));
    double coord = 0;
    for (int e = 0; e < head.coords; ++e) coord += square(d[e * next]);
    const double object = square(d[head.coords * next]);
    sums->coord_loss += coord;
    (uses[box] & kObject ? sums->object_loss : sums->noobject_loss) += object;
    sums->total_loss += coord + object;
  }
  const auto classified = [&](std::int64_t box) { return (uses[box] & kClassified) != 0; };
  threads.for_marked(boxes, classified, [&](std::int64_t box, int rank, int size) {
    const float* d = head.delta + head.offset(head.place(box));
    double category = 0;
    for (int e = head.coords + 1 + rank; e < head.entries; e += size) category += square(d[e * next]);
    sums->class_loss += category;
    sums->total_loss += category;
  });
}

}  // namespace pydarknet
