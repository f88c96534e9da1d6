// Overlaps that count distance and shape as well, and their slopes, as AlexeyAB's [yolo] learns by them.
#pragma once
#include <cmath>

#include "ops/yolo_loss.h"
#include "shared/box.h"

namespace pydarknet {

inline constexpr float kPi = 3.14159265358979f;
inline constexpr float kDiouBeta = .6f;

// CIoU's term of shape: `loss` of the ratios of sides, how much it counts (`alpha`), the ratios' angle
// between.
struct Shapes {
  float angle, loss, alpha;

  PYDARKNET_DEVICE Shapes(const Box& box, const Box& truth, float overlap)
      : angle(std::atan(truth.w / truth.h) - std::atan(box.w / box.h)),
        loss(4 / (kPi * kPi) * angle * angle),
        alpha(loss / (1 - overlap + loss + 1e-6f)) {}
};

// Of two boxes, by one measure or another. The IoU less: GIoU, what is empty around both, as a part of what
// is around both; DIoU and CIoU, the distance of the centres; CIoU, unlike shapes too.
PYDARKNET_DEVICE inline float measure(const Box& box, const Box& truth, BoxMeasure by) {
  const float found = iou(box, truth), w = span(box.x, box.w, truth.x, truth.w);
  const float h = span(box.y, box.h, truth.y, truth.h), around = product(w, h);
  if (by == BoxMeasure::kGiou && around != 0) {
    const float both = product(box.w, box.h) + product(truth.w, truth.h) - intersection(box, truth);
    return found - (around - both) / around;
  }
  if (by == BoxMeasure::kDiou) return found - apart(box, truth, kDiouBeta);
  if (by == BoxMeasure::kCiou && (w != 0 || h != 0)) {
    const Shapes shapes(box, truth, found);
    return found - apart(box, truth, 1) - shapes.alpha * shapes.loss;
  }
  return found;
}

// Two intervals, and which of their ends count: how the length in common and the length around both change
// with the ends of the first one (-1, 0 or 1).
struct Axis {
  float low, high, true_low, true_high;

  PYDARKNET_DEVICE Axis(float centre, float size, float true_centre, float true_size)
      : low(centre - size / 2),
        high(centre + size / 2),
        true_low(true_centre - true_size / 2),
        true_high(true_centre + true_size / 2) {}

  PYDARKNET_DEVICE float length() const { return high - low; }
  PYDARKNET_DEVICE float true_length() const { return true_high - true_low; }
  PYDARKNET_DEVICE float both() const { return std::fmin(high, true_high) - std::fmax(low, true_low); }
  PYDARKNET_DEVICE float around() const { return std::fmax(high, true_high) - std::fmin(low, true_low); }
  PYDARKNET_DEVICE float both_slope(bool upper) const {
    return upper ? (high < true_high ? 1 : 0) : (low > true_low ? -1 : 0);
  }
  PYDARKNET_DEVICE float around_slope(bool upper) const {
    return upper ? (high > true_high ? 1 : 0) : (low < true_low ? -1 : 0);
  }
};

// How the measure grows with x, y, w and h of the box, as that Darknet has it: in IoU and GIoU sizes count
// twice, and what boxes have in common is the product of two lengths, even if both are negative; the diagonal
// of DIoU and CIoU counts for centres with the other sign; CIoU's shape is not divided by w^2 + h^2.
class BoxSlope {
 public:
  float x, y, w, h;

  PYDARKNET_DEVICE BoxSlope(Box box, const Box& truth, BoxMeasure by)
      : across_(box.x, avoid_zero(box.w), truth.x, truth.w),
        down_(box.y, avoid_zero(box.h), truth.y, truth.h),
        both_(across_.both() * down_.both()),
        either_(across_.length() * down_.length() + across_.true_length() * down_.true_length() - both_),
        around_(across_.around() * down_.around()),
        apart_(across_.both() <= 0 || down_.both() <= 0) {
    along(across_, down_, by, &x, &w);
    along(down_, across_, by, &y, &h);
    if (by != BoxMeasure::kDiou && by != BoxMeasure::kCiou) return;
    box.w = avoid_zero(box.w), box.h = avoid_zero(box.h);
    const float dx = truth.x - box.x, dy = truth.y - box.y, far = dx * dx + dy * dy;
    add_distance(across_, dx, far, &x, &w);
    add_distance(down_, dy, far, &y, &h);
    if (by == BoxMeasure::kDiou) return;
    const Shapes shapes(box, truth, both_ / either_);
    const float turn = 8 / (kPi * kPi) * shapes.angle * shapes.alpha;
    w += turn * box.h;
    h -= turn * box.w;
  }

 private:
  PYDARKNET_DEVICE static float avoid_zero(float size) { return size == 0 ? 1 : size; }
  PYDARKNET_DEVICE static float slope_of_quotient(float a, float b, float da, float db) {
    return (b * da - a * db) / (b * b);
  }

  // Of centre and size in one direction, from those of the ends.
  PYDARKNET_DEVICE void along(const Axis& axis, const Axis& other, BoxMeasure by, float* centre,
                              float* size) const {
    const float high = end(axis, other, by, true), low = end(axis, other, by, axis.low >= axis.high);
    *centre = low + high;
    *size = high - low;
  }

  PYDARKNET_DEVICE float end(const Axis& axis, const Axis& other, BoxMeasure by, bool upper) const {
    const float dboth = axis.both_slope(upper) * other.both();
    const float deither = (upper ? 1 : -1) * other.length() - dboth;
    const float slope = either_ > 0 ? slope_of_quotient(both_, either_, dboth, deither) : 0;
    if (by != BoxMeasure::kGiou) return slope;
    const float daround = axis.around_slope(upper) * other.around();
    const float filled = slope_of_quotient(either_, around_, deither, daround);
    return apart_ ? filled : around_ > 0 ? slope + filled : slope;
  }

  // `way`: from the box to the truth in this direction; `far`: the square of the whole way.
  PYDARKNET_DEVICE void add_distance(const Axis& axis, float way, float far, float* centre,
                                     float* size) const {
    const float a = across_.around(), b = down_.around(), diagonal = a * a + b * b;
    const float high = axis.around_slope(true), low = axis.around_slope(false), twice = 2 * axis.around();
    const float nearer = (2 * way * diagonal - twice * (low + high) * far) / (diagonal * diagonal);
    const float wider = twice * (high - low) / 2 * far / (diagonal * diagonal);
    if (apart_) *centre = nearer, *size = wider;
    if (!apart_ && diagonal > 0) *centre += nearer, *size += wider;
  }

  const Axis across_, down_;
  const float both_, either_, around_;
  const bool apart_;
};

}  // namespace pydarknet
