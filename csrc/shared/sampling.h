// Where Darknet's bilinear resize samples a row or column of an image, and what a byte is worth. Bit for bit
// float32, on every device.
#pragma once
#include <cstdint>

#include "host_device.h"
#include "product.h"

namespace pydarknet {

// Between which two of the source's columns or rows a sample lies, and how far from the first.
struct Sample {
  int first, second;
  float fraction;
};

// Sample i of a side of `to` pixels in one of `from`, corners aligned. `last_exact`: the last sample is
// the last of the source. Darknet does so with columns; its last row is weighted like any other but never
// gets its second term, so rounding may darken it. A single row or column of output is the last one of the
// source (undefined in Darknet for rows).
PYDARKNET_DEVICE inline Sample sample_at(int i, int from, int to, bool last_exact) {
  const int last = from - 1;
  if (last == 0 || to == 1 || (last_exact && i == to - 1)) return {last, last, 0.0f};
  const float scale = static_cast<float>(last) / static_cast<float>(to - 1);
  const float at = product(static_cast<float>(i), scale);
  const int whole = static_cast<int>(at), first = whole < last ? whole : last;
  return {first, first < last ? first + 1 : last, at - static_cast<float>(first)};
}

PYDARKNET_DEVICE inline float between(float first, float second, float fraction) {
  return product(1 - fraction, first) + product(fraction, second);
}

// A byte / 255, rounded to float, for all 256 of them: 1/255 in two parts, of which the first gives an exact
// product, so that the sum alone is rounded. As an int, which vectors have without packing and unpacking.
PYDARKNET_DEVICE inline float unit_of(int byte) {
  const float value = static_cast<float>(byte);
  return product(value, 0x1.01p-8f) + product(value, 0x1.010102p-24f);
}

}  // namespace pydarknet
