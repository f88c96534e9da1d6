// What the device's convolution kernels compute: a product of matrices whose rows are pixels, whose columns
// are filters, and whose sum runs over rows of weights, one for each tap and block of channels
// (docs/kernels.md). The forward convolution is one problem, the gradient to the input one for each phase of
// the stride.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

// Pixels along one axis: pixel q is at position out_first + q * out_step of the output, and its tap t reads
// position first + q * step + t of the input, zero outside of it.
struct ProblemAxis {
  int count, taps;
  int size, step, first;
  int out_size, out_step, out_first;
};

// Groups are multiplied in bundles whose channels and whose filters fill whole blocks, with zero weights
// between groups. A dense layer is one bundle; the last bundle may have fewer groups than the others.
struct Bundles {
  int count, groups;                  // bundles, and groups in each
  int group_channels, group_filters;  // of one group
  int total_channels, total_filters;  // of all

  PYDARKNET_HD int channels() const { return groups * group_channels; }
  PYDARKNET_HD int filters() const { return groups * group_filters; }
  PYDARKNET_HD int channel_blocks() const { return blocks_of(channels()); }
  PYDARKNET_HD int filter_blocks() const { return blocks_of(filters()); }
};

Bundles make_bundles(int channels, int filters, int groups);

struct ConvProblem {
  int images;
  ProblemAxis y, x;
  Bundles bundles;

  PYDARKNET_HD int taps() const { return y.taps * x.taps; }
  PYDARKNET_HD int pixels() const { return images * y.count * x.count; }
  // Rows of weights, without those that fill up the last step.
  PYDARKNET_HD int rows() const { return taps() * bundles.channel_blocks(); }
};

ConvProblem forward_problem(const ConvShape& shape);

// Whether pixels and rows of weights can be counted with 31 bits.
bool countable(const ConvShape& shape);
// Throws DeviceFailure if not.
void require_countable(const ConvShape& shape);

// Where the weight of a filter, channel and tap of a problem lies among (K, C / groups, R, S).
struct WeightMap {
  std::int64_t group, filter, channel;   // steps from one to the next; filters and channels within a group
  int first_y, step_y, first_x, step_x;  // taps of the kernel that the problem's taps are
  int kernel_w;
  // Not 0: filters are the values [block][tap][lane] of a blocked array with so many taps, of so many
  // channels.
  int values, value_filters;
};

WeightMap forward_weights(const ConvShape& shape);

}  // namespace pydarknet
