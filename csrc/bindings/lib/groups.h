// The groups of a WordTree, from an int32 array.
#pragma once
#include "bindings/lib/checks.h"
#include "ops/softmax.h"

namespace pydarknet::bindings {

// ValueError unless all sizes are positive and their sum is `channels`, as far as this process can see.
inline ChannelGroups channel_groups(py::handle group_sizes, int channels, const char* op) {
  const Where where{op, "group_sizes"};
  const RawArray array = raw_array(group_sizes, "<i4", false, where);
  const auto* sizes = static_cast<const std::int32_t*>(array.data);
  const ChannelGroups groups{static_cast<int>(array.size), 0, sizes};
  if (!kContentsReadable) return groups;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < array.size; ++i) {
    expect_range(sizes[i], 1, channels, where);
    sum += sizes[i];
  }
  if (sum != channels) {
    where.fail("expected a sum of " + std::to_string(channels) + ", found " + std::to_string(sum));
  }
  return groups;
}

}  // namespace pydarknet::bindings
