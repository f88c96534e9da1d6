// How filters are grouped into panels, the unit in which weights are packed and streamed.
#pragma once
#include <algorithm>
#include <vector>

#include "ops/conv.h"

namespace pydarknet {

// Up to simd::kPanelBlocks blocks of filters, and the input channels they all see. Groups narrower than a
// block are seen whole by every filter of the block, with zeros where filter and channel don't meet.
struct Panel {
  int filter_block, blocks;  // first output block, and how many
  int channel_block;         // first input block
  int channels;              // counted from that block's first lane, in whole steps of the micro-kernel
  int given;                 // of these, those that the input has
  std::int64_t offset;       // of the panel's weights for one value a channel: [channel][blocks * kBlock]

  int filters() const { return blocks * kBlock; }
  int channel_blocks() const { return blocks_of(channels); }
  // Channels that matter in the panel's i-th block.
  int lanes(int i) const { return channels - i * kBlock < kBlock ? channels - i * kBlock : kBlock; }
  // Those of them that the input has.
  int given_lanes(int i) const { return std::min(lanes(i), given - i * kBlock); }
  std::int64_t size() const { return std::int64_t{channels} * filters(); }
};

// For a micro-kernel that multiplies so many channels together; packed weights are 0 where the input has
// none.
std::vector<Panel> conv_panels(const ConvShape& shape, int together = 1);

// All panels' weights with `values` values for each channel and filter.
std::int64_t packed_weights(const std::vector<Panel>& panels, std::int64_t values);

// The panel's biases, zeros past k.
struct PanelBias {
  PanelBias(const Panel& panel, const ConvCall& call);
  float values[2 * kBlock];
};

}  // namespace pydarknet
