#include "cpu/conv/kernels.h"

#include <numeric>

namespace pydarknet {

Kernels::Kernels(const ConvShape& s, const float* weights)
    : weights_(weights),
      k_(s.k),
      group_k_(s.k / s.groups),
      group_c_(s.c / s.groups),
      stored_(s.taps()),
      filter_step_(std::int64_t{group_c_} * stored_),
      channel_step_(stored_),
      group_step_(filter_step_),
      tap_of_(stored_) {
  std::iota(tap_of_.begin(), tap_of_.end(), 0);
}

Kernels::Kernels(const ConvShape& s, const PhaseAxis& y, const PhaseAxis& x, const float* weights)
    : weights_(weights),
      k_(s.c),
      group_k_(s.c / s.groups),
      group_c_(s.k / s.groups),
      stored_(s.taps()),
      filter_step_(stored_),
      channel_step_(std::int64_t{group_k_} * stored_),
      group_step_(channel_step_),
      tap_of_(stored_, -1) {
  for (int i = 0; i < y.taps; ++i) {
    for (int j = 0; j < x.taps; ++j) tap_of_[y.tap(i) * s.kernel_w + x.tap(j)] = i * x.taps + j;
  }
}

}  // namespace pydarknet
