#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Consecutive runs of channels, each with a softmax of its own: `count` of them, of `sizes[i]` channels each,
// or all of `size` where `sizes` is null.
struct ChannelGroups {
  int count;
  int size;
  const std::int32_t* sizes = nullptr;

  PYDARKNET_HD int operator[](int i) const { return sizes ? sizes[i] : size; }
};

// y = exp(x / temperature) / sum over the group, at each pixel, safe for any finite x. The groups cover all
// channels. y may be x.
void softmax_forward(ConstPlain x, Plain y, ChannelGroups groups, float temperature, Stream stream);

// The same for channels [first, first + sum of the groups) of every `channels` channels; the others are left
// alone. x and y hold `images` times `channels` planes of `pixels` floats.
struct ChannelRange {
  std::int64_t channels, first;
};
void softmax_planes(const float* x, float* y, std::int64_t images, ChannelRange range, std::int64_t pixels,
                    ChannelGroups groups, float temperature, Stream stream);

}  // namespace pydarknet
