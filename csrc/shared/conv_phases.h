// The gradient with respect to the input as forward convolutions of dy with transposed weights.
//
// Input row i receives dy[o] * w[t] wherever i = o * stride - padding + t. Rows of equal residue
// r = (i + padding) mod stride see only the taps r, r + stride, ...: with i + padding = q * stride + r they
// are dx[q] = sum over t of dy[q - t] * w[r + t * stride], a convolution with stride 1. Stride 1 has one
// residue.
#pragma once
#include <algorithm>
#include <cstdint>

namespace pydarknet {

// One axis of one residue, which is below the kernel's size.
struct PhaseAxis {
  PhaseAxis(int residue, std::int64_t stride, int padding, int kernel, int size)
      : residue(residue),
        stride(static_cast<int>(stride)),
        taps(static_cast<int>((kernel - 1 - residue) / stride + 1)),
        begin(static_cast<int>(residue < padding ? (padding - residue + stride - 1) / stride : 0)),
        count(std::max(0, static_cast<int>((size - 1 + padding - residue + stride) / stride) - begin)),
        first(begin * stride + residue - padding) {}
  int residue, stride;
  int taps;            // of the kernel that meet this residue
  int begin, count;    // of q
  std::int64_t first;  // input position of `begin`
  // The part of dy these positions see, zeros included, begins here and is this long.
  int window_begin() const { return begin - (taps - 1); }
  int window() const { return count + taps - 1; }
  int tap(int i) const { return residue + (taps - 1 - i) * stride; }
};

}  // namespace pydarknet
