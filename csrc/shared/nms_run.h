// Suppression in one run of boxes, as a thread group's work: the later boxes side by side.
#pragma once
#include "ops/nms.h"
#include "shared/box.h"
#include "shared/thread_group.h"

namespace pydarknet {

PYDARKNET_DEVICE inline Box box_at(const float* boxes, std::int64_t i) {
  const float* b = boxes + 4 * i;
  return {b[0], b[1], b[2], b[3]};
}

// Of an infinite size around an infinite centre too.
PYDARKNET_DEVICE inline bool has_nan(const Box& box) {
  const auto nan = [](float centre, float size) {
    const float low = centre - size / 2, high = centre + size / 2;
    return low != low || high != high;
  };
  return nan(box.x, box.w) || nan(box.y, box.h);
}

PYDARKNET_DEVICE inline bool too_close(const Box& a, const Box& b, const Overlap& limit) {
  const float overlap = iou(a, b);
  if (!limit.by_distance) return overlap > limit.thresh;
  return overlap > limit.thresh && overlap - apart(a, b, limit.beta) > limit.thresh;
}

template <class Threads>
PYDARKNET_DEVICE void suppress(const BoxRuns& of, std::int64_t run, Overlap limit, std::int32_t* alive,
                               const Threads& threads) {
  // On a device nobody has checked where runs begin.
  const std::int64_t begin = of.starts[run] < 0 ? 0 : of.starts[run];
  const std::int64_t end = of.starts[run + 1] < of.count ? of.starts[run + 1] : of.count;
  for (std::int64_t i = begin + threads.rank(); i < end; i += threads.size()) alive[i] = 1;
  threads.wait();
  for (std::int64_t i = begin; i < end; ++i) {
    const Box best = box_at(of.boxes, i);
    if (!alive[i] || has_nan(best)) continue;
    for (std::int64_t k = i + 1 + threads.rank(); k < end; k += threads.size()) {
      const Box other = box_at(of.boxes, k);
      if (alive[k] && too_close(best, other, limit) && !has_nan(other)) alive[k] = 0;
    }
    threads.wait();
  }
}

}  // namespace pydarknet
