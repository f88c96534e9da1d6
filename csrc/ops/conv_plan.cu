// The cost model of the implicit GEMM (docs/kernels.md): counts for an H100. Only ratios matter for the
// choice.
#include <algorithm>
#include <cmath>
#include <limits>

#include "device.h"
#include "ops/conv_gemm.h"

namespace pydarknet {
namespace {

constexpr double kClock = 1.83e9, kMemory = 3.35e12;  // cycles and bytes a second
constexpr int kProcessors = 132;
constexpr double kSharedBytes = 128, kCacheBytes = 28;  // in a cycle, to one multiprocessor
constexpr double kFill = 1500;    // cycles until a block multiplies, and to write its results
constexpr double kLaunch = 3e-6;  // seconds
constexpr int kMostParts = 32, kLeastSteps = 8;

struct TileCost {
  GemmTiles tiles;
  int pixels, filters, warp_pixels, warp_filters;

  // Cycles of one stage: products, shared memory or second-level cache, whichever takes longest.
  double step(const GemmRates& r) const {
    const double warps = double(pixels) / warp_pixels * filters / warp_filters;
    const double written = 16.0 * (pixels * r.rows + filters * r.slots);
    const double read = 16.0 * 4 * warps * (warp_pixels * r.rows / 4 + warp_filters * r.slots / 4);
    return std::max({double(pixels) * filters * r.rows * kBlock / r.products, (written + read) / kSharedBytes,
                     written / kCacheBytes});
  }
};

constexpr TileCost kTiles[] = {{GemmTiles::kLarge, 128, 128, 64, 64},
                               {GemmTiles::kSmall, 64, 64, 32, 32},
                               {GemmTiles::kNarrow, 128, 32, 32, 32}};

double seconds(const ConvProblem& p, const GemmRates& r, const TileCost& tile, int parts) {
  const double tiles = double(ceil_div(p.pixels(), tile.pixels)) *
                       ceil_div(p.bundles.filters(), tile.filters) * p.bundles.count;
  const double steps = double(ceil_div(ceil_div(p.rows(), r.rows), parts));
  const double rounds = std::ceil(tiles * parts / kProcessors);
  const double results = 16.0 * p.bundles.count * p.bundles.filter_blocks() * p.pixels();
  const double x = 16.0 * p.bundles.count * p.bundles.channel_blocks() * p.images * p.y.size * p.x.size;
  const double weights = 16.0 * p.bundles.count * panels_of(p.bundles) * kPanel * p.rows() * r.slots / r.rows;
  // Sums in parts are written and read once more, from the second-level cache, by a launch of their own.
  const double adding = parts > 1 ? kLaunch + 2 * parts * results / (kCacheBytes * kProcessors * kClock) : 0;
  return std::max(rounds * (steps * tile.step(r) + kFill) / kClock, (results + x + weights) / kMemory) +
         adding + kLaunch;
}

struct Choice {
  GemmPlan plan;
  double seconds;
};

Choice choose(const ConvProblem& p, Precision precision, bool plain) {
  const GemmRates r = gemm_rates(precision);
  const int most = std::clamp(ceil_div(p.rows(), r.rows) / kLeastSteps, 1, kMostParts);
  Choice best{{GemmTiles::kNarrow, 1}, std::numeric_limits<double>::max()};
  for (const TileCost& tile : kTiles) {
    if (plain && tile.tiles != GemmTiles::kNarrow) continue;
    for (int parts = 1; parts <= most; ++parts) {
      const double time = seconds(p, r, tile, parts);
      if (time < best.seconds) best = {{tile.tiles, parts}, time};
    }
  }
  return best;
}

}  // namespace

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

double gemm_seconds(const ConvProblem& problem, Precision precision, bool plain) {
  return choose(problem, precision, plain).seconds;
}

}  // namespace pydarknet
