// What labels a mini-batch brings to the losses of heads with boxes.
#pragma once
#include <cstdint>
#include <string>

#include "host_device.h"

namespace pydarknet {

// A class without a box: x, y, width and height (and the mask) are kNowhere. Losses take what has x and y
// above kNowhereFrom for one, as Darknet does.
inline constexpr float kNowhere = 999999, kNowhereFrom = 100000;

// The labels of a mini-batch: `images` lists of `most` rows of `row` floats: centre x, y, width, height as
// fractions of the image, mask values if any, class. A list ends at the first x of 0.
struct Truths {
  const float* data;
  int images, most, row;

  PYDARKNET_DEVICE const float* at(int image, int index) const {
    return data + (std::int64_t{image} * most + index) * row;
  }
};

// From the classes of the labels to those of the head; null for none.
struct ClassMap {
  const std::int32_t* classes = nullptr;
  int size = 0;

  PYDARKNET_DEVICE int operator[](int label) const { return classes ? classes[label] : label; }
};

// How a head reads its labels.
struct TruthRules {
  int classes;
  ClassMap map;
  bool class_only;         // images with a class only may occur; their class is one of the head
  bool skip_large_labels;  // a label >= classes is passed over
};

// Says which box of which image a loss can't use and why. Empty if there is none.
std::string truth_fault(const Truths& truths, const TruthRules& rules);

}  // namespace pydarknet
