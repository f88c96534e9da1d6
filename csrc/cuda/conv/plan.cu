// The cost model of the implicit GEMM (docs/kernels.md): counts for an H100. Only ratios matter for the
// choice.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/conv/gemm.h"
#include "cuda/conv/wgrad.h"
#include "device.h"

namespace pydarknet {
namespace {

constexpr double kClock = 1.83e9, kMemory = 3.35e12;  // cycles and bytes a second
constexpr int kProcessors = 132;
constexpr double kSharedBytes = 128, kCacheBytes = 28;  // in a cycle, to one multiprocessor
constexpr double kFill = 1500;    // cycles until a block multiplies, and to write its results
constexpr double kLaunch = 3e-6;  // seconds
constexpr int kMostParts = 32, kLeastStages = 8;
constexpr double kSlot = 16;  // bytes

// One stage of one thread block.
struct StageCost {
  double products, copied, read;  // multiply-adds, bytes into shared memory, bytes out of it

  // Products, shared memory or second-level cache, whichever takes longest.
  double cycles(const GemmRates& r) const {
    return std::max({products / r.products, (copied + read) / kSharedBytes, copied / kCacheBytes});
  }
};

// A launch, each of whose tiles takes `stages`, cut into parts.
struct LaunchCost {
  double tiles, stages;
  double sums;   // bytes of results
  double bytes;  // through memory

  double seconds(double cycles_of_stage, int parts) const {
    const double rounds = std::ceil(tiles * parts / kProcessors);
    const double blocks = rounds * (std::ceil(stages / parts) * cycles_of_stage + kFill) / kClock;
    // Parts are written and read once more, from the second-level cache, by a launch of their own.
    const double adding = parts > 1 ? kLaunch + 2 * parts * sums / (kCacheBytes * kProcessors * kClock) : 0;
    return std::max(blocks, bytes / kMemory) + adding + kLaunch;
  }

  int most_parts() const {
    return static_cast<int>(std::clamp(stages / kLeastStages, 1.0, double{kMostParts}));
  }
};

struct TileShape {
  GemmTiles tiles;
  int pixels, filters, warp_pixels, warp_filters;

  StageCost stage(const GemmRates& r) const {
    const double warps = double(pixels) / warp_pixels * filters / warp_filters;
    return {double(pixels) * filters * r.rows * kBlock, kSlot * (pixels * r.rows + filters * r.slots),
            kSlot * warps * (warp_pixels * r.rows + warp_filters * r.slots)};
  }
};

constexpr TileShape kTiles[] = {{GemmTiles::kLarge, 128, 128, 64, 64},
                                {GemmTiles::kSmall, 64, 64, 32, 32},
                                {GemmTiles::kNarrow, 128, 32, 32, 32}};

double bytes_of(const ConvProblem& p, double weights) {
  const double x = kSlot * p.bundles.count * p.bundles.channel_blocks() * p.images * p.y.size * p.x.size;
  return x + kSlot * p.bundles.count * p.bundles.filter_blocks() * p.pixels() + weights;
}

LaunchCost gemm_cost(const ConvProblem& p, const GemmRates& r, const TileShape& tile) {
  const double weights =
      kSlot * p.bundles.count * panels_of(p.bundles) * kPanel * p.rows() * r.slots / r.rows;
  return {double(ceil_div(p.pixels(), tile.pixels)) * ceil_div(p.bundles.filters(), tile.filters) *
              p.bundles.count,
          double(ceil_div(p.rows(), r.rows)),
          kSlot * p.bundles.count * p.bundles.filter_blocks() * p.pixels(), bytes_of(p, weights)};
}

// sm_75 has 64 KB of shared memory for a thread block, which large tiles pass.
bool large_tiles_fit() { return device_supports_tf32(); }

struct Choice {
  GemmPlan plan;
  double seconds;
};

Choice choose(const ConvProblem& p, Precision precision, bool plain) {
  const GemmRates r = gemm_rates(precision);
  Choice best{{GemmTiles::kNarrow, 1}, std::numeric_limits<double>::max()};
  for (const TileShape& tile : kTiles) {
    if (plain && tile.tiles != GemmTiles::kNarrow) continue;
    if (tile.tiles == GemmTiles::kLarge && !(large_tiles_fit() && whole_taps(p, r.rows))) continue;
    const LaunchCost cost = gemm_cost(p, r, tile);
    const double cycles = tile.stage(r).cycles(r);
    for (int parts = 1; parts <= cost.most_parts(); ++parts) {
      const double time = cost.seconds(cycles, parts);
      if (time < best.seconds) best = {{tile.tiles, parts}, time};
    }
  }
  return best;
}

struct WgradChoice {
  WgradPlan plan;
  double seconds;
};

WgradChoice choose_wgrad(const ConvProblem& p, Precision precision, bool plain) {
  const GemmRates r = gemm_rates(precision);
  WgradChoice best{{plain, false, 1}, std::numeric_limits<double>::max()};
  for (const bool large : {true, false}) {
    if (large && (plain || !large_tiles_fit())) continue;
    const int side = large ? 128 : 64;  // filters, and columns times four channels
    const double slots = 2.0 * side / kBlock * kStagePixels;
    const StageCost stage{double(side) * side * kStagePixels, kSlot * slots, kSlot * 2 * slots};
    const double sums = kSlot * p.bundles.count * p.bundles.filters() * p.rows();
    const LaunchCost cost{
        double(ceil_div(p.bundles.filters(), side)) * ceil_div(p.rows() * kBlock, side) * p.bundles.count,
        double(ceil_div(p.pixels(), kStagePixels)), sums, bytes_of(p, 2 * sums)};
    for (int parts = 1; parts <= cost.most_parts(); ++parts) {
      const double time = cost.seconds(stage.cycles(r), parts);
      if (time < best.seconds) best = {{plain, large, parts}, time};
    }
  }
  return best;
}

}  // namespace

bool device_multiplies(Precision precision) {
  return precision == Precision::kFp32 || precision == Precision::kFp16 || device_supports_tf32();
}

// Products as data sheets say them, less what instructions of one warp are known to reach.
GemmRates gemm_rates(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return {4, 4, 0.8 * 128};
    case Precision::kTf32:
      return {4, 4, 0.65 * 1024};
    default:
      return {8, 4, 0.65 * 2048};
  }
}

GemmPlan gemm_plan(const ConvProblem& problem, Precision precision, bool plain) {
  return choose(problem, precision, plain).plan;
}

WgradPlan wgrad_plan(const ConvProblem& problem, Precision precision, bool plain) {
  return choose_wgrad(problem, precision, plain).plan;
}

double gemm_seconds(const ConvProblem& problem, Precision precision, bool plain) {
  return choose(problem, precision, plain).seconds;
}

double transfer_seconds(double bytes) { return kLaunch + bytes / kMemory; }

}  // namespace pydarknet
