// Where Darknet's bilinear resize samples a row or column of a picture, and what a byte is worth.
#pragma once
#include <array>
#include <vector>

namespace pydarknet {

// Between which two of the source's columns or rows a sample lies, and how far from the first.
struct Sample {
  int first, second;
  float fraction;
};

// The samples of a side of `to` pixels in one of `from`, corners aligned. `last_exact`: the last sample is
// the last of the source. Darknet does so with columns; its last row is weighted like any other but never
// gets its second term, so rounding may darken it. A single row or column of output is the last one of the
// source (undefined in Darknet for rows).
std::vector<Sample> samples(int from, int to, bool last_exact);

// The 256 bytes in 0..1.
std::array<float, 256> unit_table();

}  // namespace pydarknet
