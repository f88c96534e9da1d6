// Tiles of weights, which the gradients' algorithms sum one by one, and how sums become gradients.
#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "cpu/lib/sizes.h"
#include "cpu/simd/transpose.h"
#include "cpu/wgrad/kernels.h"
#include "ops/conv.h"
#include "shared/threads.h"

namespace pydarknet::weight_gradient {

using simd::Lanes;
using simd::WgradOperands;

inline constexpr int kTileBlocks = 2 * simd::kWgradVectors;

inline int part(std::int64_t items, int index, int parts) {
  return static_cast<int>(part_begin(items, index, parts));
}

// Filters and channels (from the first lanes of their blocks) whose weights are summed together.
struct Tile {
  int filter_block, filter_blocks;
  int channel_block, channels;
  int filters() const { return filter_blocks * kBlock; }
  int channel_blocks() const { return blocks_of(channels); }
  int lanes(int block) const { return std::min(kBlock, channels - block * kBlock); }
};

// Cuts all filters and channels that meet, into tiles of at most so many blocks.
inline void cut(const Tile& all, int most_filters, int most_channels, std::vector<Tile>& tiles) {
  const int rows = ceil_div(all.filter_blocks, most_filters), blocks = all.channel_blocks();
  const int columns = ceil_div(blocks, most_channels);
  for (int i = 0; i < rows; ++i) {
    const int filter = part(all.filter_blocks, i, rows), filter_end = part(all.filter_blocks, i + 1, rows);
    for (int j = 0; j < columns; ++j) {
      const int block = part(blocks, j, columns), end = part(blocks, j + 1, columns);
      tiles.push_back({all.filter_block + filter, filter_end - filter, all.channel_block + block,
                       std::min(all.channels, end * kBlock) - block * kBlock});
    }
  }
}

// Adds a tile's sums to the weights of a layer with `channels` channels and `taps` taps.
class Adder {
 public:
  Adder(int filters, int channels, int taps, int groups, float* dweights)
      : filters_(filters), channels_(channels), taps_(taps), groups_(groups), dweights_(dweights) {}

  void add(const Tile& tile, const float* sums) const {
    for (int block = 0; block < tile.filter_blocks; ++block) {
      const int filter = (tile.filter_block + block) * kBlock, count = std::min(kBlock, filters_ - filter);
      if (groups_ == 1) {
        add_block(tile, Rows{sums + block * kBlock, tile.filters()}, filter, count);
      } else {
        for (int i = 0; i < count; ++i) add_filter(tile, sums + block * kBlock + i, filter + i);
      }
    }
  }

  // Of one group, wherever sums lie: rows(block).next() is where those of each channel and tap are, one after
  // the other.
  template <class RowsOf>
  void add_blocks(const Tile& tile, RowsOf&& rows) const {
    for (int block = 0; block < tile.filter_blocks; ++block) {
      const int filter = (tile.filter_block + block) * kBlock;
      add_block(tile, rows(block), filter, std::min(kBlock, filters_ - filter));
    }
  }

 private:
  struct Rows {
    const float* at;
    int pitch;
    const float* next() { return std::exchange(at, at + pitch); }
  };

  // All filters of the block see all channels: a transpose of [channel and tap][filter].
  template <class RowsOf>
  void add_block(const Tile& tile, RowsOf sums, int filter, int count) const {
    const int rows = tile.channels * taps_;
    float* to = dweights_ + (std::int64_t{filter} * channels_ + tile.channel_block * kBlock) * taps_;
    for (int row = 0; row < rows; row += kBlock) {
      const int length = std::min(kBlock, rows - row);
      Lanes square[kBlock] = {};
      for (int i = 0; i < length; ++i) square[i] = simd::load(sums.next());
      simd::transpose(square);
      for (int i = 0; i < count; ++i) {
        float* const at = to + std::int64_t{i} * channels_ * taps_ + row;
        if (length == kBlock) {
          simd::store(at, simd::load(at) + square[i]);
        } else {
          simd::store_first(at, simd::load_first(at, length) + square[i], length);
        }
      }
    }
  }

  void add_filter(const Tile& tile, const float* sums, int filter) const {
    const int group_c = channels_ / groups_, group = filter / (filters_ / groups_);
    const int first = tile.channel_block * kBlock;
    const int begin = std::max(first, group * group_c);
    const int end = std::min(first + tile.channels, (group + 1) * group_c);
    for (int c = begin; c < end; ++c) {
      float* to = dweights_ + (std::int64_t{filter} * group_c + c - group * group_c) * taps_;
      const float* from = sums + std::int64_t{c - first} * taps_ * tile.filters();
      for (int tap = 0; tap < taps_; ++tap) to[tap] += from[std::int64_t{tap} * tile.filters()];
    }
  }

  const int filters_, channels_, taps_, groups_;
  float* const dweights_;
};

// Whether the sums of outer products are of BF16, two pixels in a word.
inline bool wgrad_pairs(const ConvShape& s) {
  return s.precision == Precision::kBf16 && simd::Bf16Pairs::offered();
}

// Sums over a rectangle of pixels: `lanes` values of x from sums' row 0 on, `blocks` vectors of y.
inline void wgrad_lanes(const simd::WgradKernels& kernels, WgradOperands p, int lanes, int blocks) {
  if (p.x_row == p.columns * p.x_column && p.y_row == p.columns * p.y_column) {
    p.columns *= p.rows;
    p.rows = 1;
  }
  const int groups = ceil_div(lanes, simd::wgrad_values(blocks));
  const float* const x = p.x;
  const std::ptrdiff_t* const offsets = p.offsets;
  float* const sums = p.sums;
  for (int g = 0; g < groups; ++g) {
    const int lane = part(lanes, g, groups);
    p.x = offsets ? x : x + lane;
    p.offsets = offsets ? offsets + lane : nullptr;
    p.sums = sums + lane * p.sums_value;
    const int values = part(lanes, g + 1, groups) - lane;
    kernels[blocks - 1][values - 1](p);
  }
}

}  // namespace pydarknet::weight_gradient
