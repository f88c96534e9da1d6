// Boxes, and how far they overlap, in Darknet's single precision: the same bits on every device.
#pragma once
#include <cmath>

#include "host_device.h"
#include "product.h"

namespace pydarknet {

// Centre and size, in any unit.
struct Box {
  float x, y, w, h;
};

// Length that two intervals, given by centre and length, have in common; negative where they are apart.
PYDARKNET_DEVICE inline float overlap(float a, float length_a, float b, float length_b) {
  const float left_a = a - length_a / 2, left_b = b - length_b / 2;
  const float right_a = a + length_a / 2, right_b = b + length_b / 2;
  return (right_a < right_b ? right_a : right_b) - (left_a > left_b ? left_a : left_b);
}

// Length of the smallest interval around two.
PYDARKNET_DEVICE inline float span(float a, float length_a, float b, float length_b) {
  const float left_a = a - length_a / 2, left_b = b - length_b / 2;
  const float right_a = a + length_a / 2, right_b = b + length_b / 2;
  return (right_a > right_b ? right_a : right_b) - (left_a < left_b ? left_a : left_b);
}

// Of a box whose unit is the image: the area of what lies inside of it.
PYDARKNET_DEVICE inline float visible_area(const Box& box) {
  const float w = overlap(box.x, box.w, .5f, 1), h = overlap(box.y, box.h, .5f, 1);
  return w < 0 || h < 0 ? 0 : product(w, h);
}

// The area that two boxes have in common.
PYDARKNET_DEVICE inline float intersection(const Box& a, const Box& b) {
  const float w = overlap(a.x, a.w, b.x, b.w), h = overlap(a.y, a.h, b.y, b.h);
  return w < 0 || h < 0 ? 0 : product(w, h);
}

// Intersection over union; NaN of two empty boxes, which is more than no threshold.
PYDARKNET_DEVICE inline float iou(const Box& a, const Box& b) {
  const float both = intersection(a, b);
  return both / (product(a.w, a.h) + product(b.w, b.h) - both);
}

// What DIoU takes off the IoU of two boxes.
PYDARKNET_DEVICE inline float apart(const Box& a, const Box& b, float beta) {
  const float w = span(a.x, a.w, b.x, b.w), h = span(a.y, a.h, b.y, b.h);
  const float around = product(w, w) + product(h, h);
  if (around == 0) return 0;
  const float between = product(a.x - b.x, a.x - b.x) + product(a.y - b.y, a.y - b.y);
  return static_cast<float>(std::pow(double{between / around}, double{beta}));
}

}  // namespace pydarknet
