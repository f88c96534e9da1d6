#include "cpu/conv/panels.h"

#include <algorithm>

#include "cpu/simd/microkernel.h"

namespace pydarknet {
namespace {

// Panels over filters [first, last), all of which see channels [first_channel, last_channel).
void add_panels(std::vector<Panel>& panels, int first_block, int last_block, int most, int first_channel,
                int last_channel, int together) {
  const int channel_block = first_channel / kBlock, given = last_channel - channel_block * kBlock;
  const int channels = (given + together - 1) / together * together;
  for (int block = first_block; block < last_block; block += most) {
    const std::int64_t offset = panels.empty() ? 0 : panels.back().offset + panels.back().size();
    panels.push_back({block, std::min(most, last_block - block), channel_block, channels, given, offset});
  }
}

}  // namespace

std::vector<Panel> conv_panels(const ConvShape& s, int together) {
  const int group_c = s.c / s.groups, group_k = s.k / s.groups;
  std::vector<Panel> panels;
  if (s.groups == 1 || (group_c % kBlock == 0 && group_k % kBlock == 0)) {
    for (int g = 0; g < s.groups; ++g) {
      add_panels(panels, g * group_k / kBlock, g * group_k / kBlock + blocks_of(group_k), simd::kPanelBlocks,
                 g * group_c, (g + 1) * group_c, together);
    }
    return panels;
  }
  for (int block = 0; block < blocks_of(s.k); ++block) {
    const int last = std::min(s.k, (block + 1) * kBlock) - 1;
    add_panels(panels, block, block + 1, 1, block * kBlock / group_k * group_c,
               (last / group_k + 1) * group_c, together);
  }
  return panels;
}

std::int64_t packed_weights(const std::vector<Panel>& panels, std::int64_t values) {
  return (panels.back().offset + panels.back().size()) * values;
}

PanelBias::PanelBias(const Panel& panel, const ConvCall& call) {
  static_assert(sizeof values == sizeof(float) * simd::kPanelBlocks * kBlock);
  for (int i = 0; i < panel.filters(); ++i) {
    const int k = panel.filter_block * kBlock + i;
    values[i] = call.bias && k < call.shape.k ? call.bias[k] : 0.0f;
  }
}

}  // namespace pydarknet
