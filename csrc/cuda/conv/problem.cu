#include <algorithm>

#include "cuda/conv/problem.h"
#include "device.h"

namespace pydarknet {

Bundles make_bundles(int channels, int filters, int groups) {
  const int group_channels = channels / groups, group_filters = filters / groups;
  int together = 1;
  while (groups > 1 && together < kBlock &&
         (together * group_channels % kBlock != 0 || together * group_filters % kBlock != 0)) {
    together *= 2;
  }
  together = std::min(together, groups);
  return {(groups + together - 1) / together, together, group_channels, group_filters, channels, filters};
}

ConvProblem forward_problem(const ConvShape& s) {
  return {s.n,
          {s.out_h(), s.kernel_h, s.h, s.stride_y, -s.pad_y, s.out_h(), 1, 0},
          {s.out_w(), s.kernel_w, s.w, s.stride_x, -s.pad_x, s.out_w(), 1, 0},
          make_bundles(s.c, s.k, s.groups)};
}

bool countable(const ConvShape& s) {
  constexpr std::int64_t kMost = 1 << 30;
  const std::int64_t blocks = std::max(blocks_of(s.c), blocks_of(s.k));
  return std::int64_t{s.n} * s.out_h() * s.out_w() < kMost && std::int64_t{s.n} * s.h * s.w < kMost &&
         s.taps() * blocks < kMost;
}

void require_countable(const ConvShape& s) {
  if (countable(s)) return;
  throw DeviceFailure(s.text() +
                      ": more pixels or weights than the device counts; use a smaller input or batch");
}

WeightMap forward_weights(const ConvShape& s) {
  const std::int64_t channel = s.taps(), filter = channel * (s.c / s.groups);
  return {filter * (s.k / s.groups), filter, channel, 0, 1, 0, 1, s.kernel_w, 0, 0};
}

}  // namespace pydarknet
