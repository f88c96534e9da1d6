#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/box.h"

namespace pydarknet {

// The labels of a mini-batch: `images` lists of `most` rows of `row` floats: centre x, y, width, height as
// fractions of the picture, mask values if any, class. A list ends at the first x of 0.
struct Truths {
  const float* data;
  int images, most, row;

  const float* at(int image, int index) const { return data + (std::int64_t{image} * most + index) * row; }
};

// From the classes of the labels to those of the head; null for none.
struct ClassMap {
  const std::int32_t* classes = nullptr;
  int size = 0;

  int operator[](int label) const { return classes ? classes[label] : label; }
};

// How a head reads its labels.
struct TruthRules {
  int classes;
  ClassMap map;
  bool class_only;         // pictures with a class only may occur; their class is one of the head
  bool skip_large_labels;  // a label >= classes is passed over
};

struct Truth {
  Box box;
  int label;          // as in the list, before the map
  const float* mask;  // the values between the box and the class
};

// A picture that has a class but no box: its label is (999999, 999999, ...).
inline bool is_class_only(const Box& box) { return box.x > 100000 && box.y > 100000; }

// The list of one image, without the labels that are passed over, up to the first class without a box.
std::vector<Truth> read_truths(const Truths& truths, int image, const TruthRules& rules);

// Says which box of which image a loss can't use and why: a centre outside of the picture, a size that is not
// positive, a class out of range. Empty if there is none.
std::string truth_fault(const Truths& truths, const TruthRules& rules);

}  // namespace pydarknet
