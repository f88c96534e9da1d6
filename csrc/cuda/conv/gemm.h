// How an implicit GEMM is cut into blocks, and its packed weights into panels.
#pragma once
#include "cuda/conv/problem.h"

namespace pydarknet {

// Filters whose weights lie together: packed weights are [bundle][panel][slot][filter of the panel], 16 bytes
// each, so that a row of a tile is read in runs of 512 bytes and any tile can read any panel.
inline constexpr int kPanel = 32;

PYDARKNET_HD inline int ceil_div(int a, int b) { return (a + b - 1) / b; }
// Where part `part` of `parts` of `count` steps begins: count * part / parts, without 64 bits.
PYDARKNET_HD inline int part_at(int count, int part, int parts) {
  return count / parts * part + count % parts * part / parts;
}
PYDARKNET_HD inline int panels_of(const Bundles& b) { return ceil_div(b.filters(), kPanel); }

// Whether stages of `rows` rows never pass from one tap to the next and all lanes are channels. Large tiles
// need it.
inline bool whole_taps(const ConvProblem& p, int rows) {
  const Bundles& b = p.bundles;
  return b.channel_blocks() % rows == 0 && b.count * b.channels() == b.total_channels &&
         b.total_channels % kBlock == 0;
}

// Which pixels, filters and part of the sum a thread block has.
struct GemmBlock {
  int first_pixel, first_filter, part, bundle;
};

PYDARKNET_HD inline GemmBlock gemm_block(const ConvProblem& p, int pixels, int filters, int parts,
                                         unsigned index) {
  const unsigned across = ceil_div(p.pixels(), pixels), down = ceil_div(p.bundles.filters(), filters);
  const unsigned line = index / across, rest = line / down;
  return {static_cast<int>(index % across) * pixels, static_cast<int>(line % down) * filters,
          static_cast<int>(rest % parts), static_cast<int>(rest / parts)};
}

// The tile of a thread block, and into how many parts the sum is cut where there are too few tiles.
enum class GemmTiles { kLarge, kSmall, kNarrow };
struct GemmPlan {
  GemmTiles tiles;
  int parts;
};

// What one precision costs: channel blocks in a stage, slots of weights, and multiply-adds that a
// multiprocessor does in a cycle.
struct GemmRates {
  int rows, slots;
  double products;
};
GemmRates gemm_rates(Precision precision);

// Whether the current device has instructions for it.
bool device_multiplies(Precision precision);

// The fastest plan by the model in docs/kernels.md, and its seconds.
GemmPlan gemm_plan(const ConvProblem& problem, Precision precision, bool plain);
double gemm_seconds(const ConvProblem& problem, Precision precision, bool plain);
// By the same model, those of a launch that only moves `bytes` through memory.
double transfer_seconds(double bytes);

}  // namespace pydarknet
