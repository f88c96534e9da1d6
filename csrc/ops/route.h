#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Copies the first `channels` logical channels of x into y, from logical channel `offset` on. Blocked.
// Lanes of y below `offset` stay; those between offset + channels and the end of that block become 0, so the
// parts of a concatenation are copied in ascending order.
void copy_channels(ConstTensor x, Tensor y, int offset, int channels, Stream stream);

// A run of channels of x, and where it goes in y.
struct ChannelRun {
  int from, to, count;
};

// y[run.to + i] becomes, or with `accumulate` grows by, x[run.from + i]. Blocked. Other channels of y stay,
// but without `accumulate` those past the run in its last block become 0, as for copy_channels.
void add_channels(ConstTensor x, Tensor y, ChannelRun run, bool accumulate, Stream stream);

}  // namespace pydarknet
