#include "cpu/int8/tiles.h"

namespace pydarknet::int8 {
namespace {

// Transformed input should stay in the second-level cache beside the weights that pass through; if these come
// from further away they should pass but once.
constexpr std::int64_t kPlaneBytes = 512 << 10, kFarWeights = 2 << 20, kMostPlaneBytes = 2 << 20;

// A panel of no more bytes is read again for every run, whose sums then stay in the first-level cache.
constexpr std::int64_t kNearBytes = 200 << 10;
// Sums of panels that are multiplied side by side, so that a point's input comes once for all of them.
constexpr std::int64_t kSumBytes = 384 << 10;

std::int64_t whole_byte_lines(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

TileRuns::TileRuns(int all, int most, int channels) : tiles(all), blocks(ceil_div(channels, kByteBlock)) {
  length = ceil_div(most, ceil_div(most, kRows));
  count = ceil_div(tiles, length);
  const std::int64_t panel = std::int64_t{kPoints} * blocks * kPanelBlocks * kByteBlock * kByteBlock;
  together = panel <= kNearBytes ? 1 : count;
}

TileGroups tile_groups(const ConvShape& s, int element, int threads) {
  TileGroups g{};
  g.across = ceil_div(s.out_w(), kTileOutputs);
  g.down = ceil_div(s.out_h(), kTileOutputs);
  const std::int64_t channels = ceil_div(s.c, kByteBlock) * std::int64_t{kByteBlock};
  const std::int64_t row_bytes = channels * kPlanes * g.across * element;
  const bool far = channels * kPoints * s.k * element > kFarWeights;
  g.per_image =
      ceil_div(g.down, std::max<std::int64_t>((far ? kMostPlaneBytes : kPlaneBytes) / row_bytes, 1));
  while (threads > 1 && g.per_image > 1 && g.per_image < g.down && g.per_image * s.n % threads) ++g.per_image;
  g.rows = ceil_div(g.down, g.per_image);
  g.per_image = ceil_div(g.down, g.rows);
  g.count = g.per_image * s.n;
  g.chunks = threads == 1 ? 1 : std::min(ceil_div(threads * kTasksEach, g.count), panels_of(s));
  g.row = (std::ptrdiff_t{g.across + g.across % 2} * kTileOutputs + 2) * kByteBlock;  // whole pairs of tiles
  g.padded = whole_byte_lines((std::int64_t{g.rows} * kTileOutputs + 2) * g.row);
  const TileRuns runs(g.most(), g.most(), s.c);
  g.planes = whole_byte_lines(runs.plane_elements() * kPlanes * element);
  const std::int64_t sums = kPlanes * runs.sums() * kWordBytes;
  const int each = ceil_div(panels_of(s), g.chunks);
  g.panels = static_cast<int>(std::clamp<std::int64_t>(kSumBytes / sums, 1, far ? each : 1));
  g.slot = g.padded + g.planes + sums * g.panels;
  return g;
}

float transform_filter(const std::int8_t* weights, int c, int channels, std::int8_t* points) {
  constexpr int kTwice[kTileInputs][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  std::vector<float> found(std::size_t{kPoints} * c);
  float largest = 0;
  for (int channel = 0; channel < c; ++channel, weights += 9) {
    for (int point = 0; point < kPoints; ++point) {
      const int *down = kTwice[point / kTileInputs], *across = kTwice[point % kTileInputs];
      int sum = 0;
      for (int i = 0; i < 9; ++i) sum += down[i / 3] * across[i % 3] * weights[i];
      const float value = static_cast<float>(sum) * (kSteps[sums_of(point)] / 4);
      found[std::size_t(point) * c + channel] = value;
      largest = std::max(largest, std::abs(value));
    }
  }
  const float unit = std::max(largest / 127, 1.0f), per_unit = 1 / unit;
  for (int point = 0; point < kPoints; ++point) {
    for (int channel = 0; channel < c; ++channel) {
      const float value = found[std::size_t(point) * c + channel] * per_unit;
      points[std::int64_t{point} * channels + channel] = static_cast<std::int8_t>(std::nearbyint(value));
    }
  }
  return unit;
}

void outputs_of_points(const std::int32_t (&points)[kPoints], std::int32_t (&out)[kOutputs]) {
  constexpr int kFrom[kTileOutputs][kTileInputs] = {{1, 1, 1, 0}, {0, 1, -1, -1}};
  for (int output = 0; output < kOutputs; ++output) {
    const int *down = kFrom[output / kTileOutputs], *across = kFrom[output % kTileOutputs];
    out[output] = 0;
    for (int point = 0; point < kPoints; ++point) {
      const int twice = point == kSumPoint ? 2 : 1;  // of eighths where others are quarters
      out[output] += twice * down[point / kTileInputs] * across[point % kTileInputs] * points[point];
    }
  }
}

void pad_rows(ConstBytes x, int image, int block, int first, int rows, int pad, int zero, std::uint8_t* to,
              std::ptrdiff_t row) {
  for (int i = 0; i < rows; ++i, to += row) {
    const int y = first + i;
    const bool none = y < 0 || y >= x.h;
    const std::ptrdiff_t left = none ? row : std::min<std::ptrdiff_t>(std::ptrdiff_t{pad} * x.lanes, row);
    const std::ptrdiff_t count = std::min<std::ptrdiff_t>(std::ptrdiff_t{x.w} * x.lanes, row - left);
    std::fill_n(to, left, static_cast<std::uint8_t>(zero));
    if (count) std::memcpy(to + left, x.block(image, block) + std::ptrdiff_t{y} * x.w * x.lanes, count);
    std::fill_n(to + left + count, row - left - count, static_cast<std::uint8_t>(zero));
  }
}

}  // namespace pydarknet::int8
