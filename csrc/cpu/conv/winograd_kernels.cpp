#include "cpu/conv/winograd_kernels.h"

namespace pydarknet::winograd {

void gather_taps(const Panel& panel, const Kernels& kernels, int first, int channels, float* taps) {
  const int row = panel.filters();
  for (int j = 0; j < panel.blocks; ++j) {
    kernels.each((panel.filter_block + j) * kBlock, panel.channel_block * kBlock + first,
                 std::min(channels, panel.given - first), [&](int c, int tap, simd::Lanes filters) {
                   simd::store(taps + (c * kTaps + tap) * row + j * kBlock, filters);
                 });
  }
}

}  // namespace pydarknet::winograd
