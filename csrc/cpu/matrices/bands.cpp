#include "cpu/matrices/bands.h"

#include <algorithm>
#include <stdexcept>

#include "cpu/lib/sizes.h"
#include "cpu/simd/matrix_product.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

// A band should stay in the second-level cache beside the weights of two panels.
constexpr std::int64_t kBandBytes = 512 << 10;
// Of one part of a panel.
constexpr std::int64_t kPartBytes = 320 << 10;

int pixel_bytes(const ConvShape& s, int channel_bytes) {
  const std::int64_t bytes = std::int64_t{s.c} * channel_bytes;
  return bytes <= simd::kMatrixBytes / 4   ? simd::kMatrixBytes / 4
         : bytes <= simd::kMatrixBytes / 2 ? simd::kMatrixBytes / 2
                                           : simd::kMatrixBytes;
}

// Fewer than 2^31: they are an array of offsets.
int steps_of(const ConvShape& s, std::int64_t rows, int across) {
  constexpr std::int64_t kMost = 1 << 30;
  if (rows > kMost / across) throw std::invalid_argument(s.text() + ": too large");
  return static_cast<int>(rows * across);
}

// Runs are cut into tiles of one length, the last of which may begin before the one before it ends.
int tile_of(int longest, int shortest, bool even) {
  const int tiles = ceil_div(longest, simd::kMatrixRows), length = ceil_div(longest, tiles);
  return std::min(even ? length + length % 2 : length, shortest);
}

}  // namespace

MatrixLayout::MatrixLayout(const ConvShape& s, int channel_size)
    : MatrixLayout(s, channel_size, pixel_bytes(s, channel_size)) {}

MatrixLayout::MatrixLayout(const ConvShape& s, int channel_size, int pixel_size)
    : channel_bytes(channel_size),
      pixel(pixel_size),
      together(simd::kMatrixBytes / pixel),
      across(ceil_div(s.kernel_w, together)),
      blocks(ceil_div(std::int64_t{s.c} * channel_size, pixel)),
      steps(steps_of(s, std::int64_t{blocks} * s.kernel_h, across)),
      tiles(ceil_div(s.k, simd::kTileFilters)),
      panels(ceil_div(tiles, simd::kFilterTiles)),
      parts(ceil_div(panel_bytes(), kPartBytes)) {}

int MatrixLayout::tiles_in(int panel) const {
  return std::min(simd::kFilterTiles, tiles - panel * simd::kFilterTiles);
}
std::int64_t MatrixLayout::panel_bytes() const {
  return std::int64_t{steps} * simd::kFilterTiles * simd::kTileBytes;
}
std::int64_t MatrixLayout::packed_bytes() const { return std::int64_t{steps} * tiles * simd::kTileBytes; }

MatrixBands::MatrixBands(const ConvShape& s, const MatrixLayout& layout, MatrixUse use, int threads) {
  const int all = s.out_h(), w = s.out_w();
  in_place = use.in_place && s.pad_y == 0 && s.pad_x == 0;
  pooled = use.pooled;
  flat = !pooled && s.stride_x == 1 && s.stride_y == 1 && w <= s.w + s.pad_x;
  width = in_place ? s.w : flat ? s.w + s.pad_x : (w - 1) * s.stride_x + s.kernel_w;
  tail = flat ? std::int64_t{s.pad_x} * layout.pixel : 0;
  row = std::ptrdiff_t{width} * layout.pixel;
  const std::int64_t most = std::clamp<std::int64_t>(kBandBytes / (row * layout.blocks * s.stride_y), 1, all);
  per_image = ceil_div(all, most);
  // A multiple of the threads, if there is more than one band anyway.
  while (threads > 1 && per_image > 1 && per_image < all && per_image * s.n % threads != 0) ++per_image;
  rows = (ceil_div(all, per_image) + 1) / 2 * 2;  // whole windows, if they are pooled
  per_image = ceil_div(all, rows);
  count = per_image * s.n;
  chunks = threads == 1 ? 1 : std::min(ceil_div(threads * kTasksEach, count), layout.panels);
  const int last = all - (per_image - 1) * rows, whole = std::min(rows, all);
  tile = tile_of(run(s, whole), run(s, last), pooled);
  channel = row * (in_place ? s.h : (std::int64_t{rows} - 1) * s.stride_y + s.kernel_h) + tail;
  const std::int64_t tiles = std::int64_t{flat ? 1 : whole} * ceil_div(run(s, whole), tile);
  sums = layout.parts > 1 ? (tiles + 1) / simd::kPixelTiles * simd::kSums * 4 : 0;
  // Behind the last pixel lie those that its step multiplies by weights of 0.
  slot = in_place ? 0 : (channel * layout.blocks + 63) / 64 * 64 + simd::kMatrixBytes;
}

std::int64_t MatrixBands::most_own(const ConvShape& s, const MatrixLayout& layout, bool in_place,
                                   int threads) {
  return std::max(MatrixBands(s, layout, {in_place, false}, threads).own(),
                  MatrixBands(s, layout, {in_place, true}, threads).own());
}

int MatrixBands::run(const ConvShape& s, int output_rows) const {
  return flat ? (output_rows - 1) * width + s.out_w() : s.out_w();
}

int MatrixBands::rows_in(const ConvShape& s, int band) const {
  return std::min(rows, s.out_h() - first_row(band));
}

std::vector<int> MatrixBands::places(const ConvShape& s) const {
  std::vector<int> list(run(s, std::min(rows, s.out_h())));
  const int w = s.out_w();
  for (std::size_t i = 0, row = 0; i < list.size(); row += w) {
    for (int column = 0; column < width && i < list.size(); ++column, ++i) {
      list[i] = static_cast<int>(row) + (flat ? std::min(column, w) : column);
    }
  }
  return list;
}

std::vector<MatrixTile> MatrixBands::tiles(const ConvShape& s, const MatrixLayout& layout, int output_rows,
                                           const int* places) const {
  const int length = run(s, output_rows), across = ceil_div(length, tile);
  std::vector<MatrixTile> list(static_cast<std::size_t>(flat ? 1 : output_rows) * across);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const int pair = static_cast<int>(i / 2), at = static_cast<int>(i);
    const int y = pooled ? pair / across * 2 + at % 2 : at / across;
    const int x = std::min((pooled ? pair : at) % across * tile, length - tile);
    list[i] = {y * s.stride_y * row + x * std::ptrdiff_t{s.stride_x} * layout.pixel, y, x, places + x};
  }
  return list;
}

std::vector<std::ptrdiff_t> MatrixBands::offsets(const ConvShape& s, const MatrixLayout& layout) const {
  std::vector<std::ptrdiff_t> list;
  list.reserve(static_cast<std::size_t>(layout.steps));
  for (int block = 0; block < layout.blocks; ++block) {
    for (int y = 0; y < s.kernel_h; ++y) {
      for (int i = 0; i < layout.across; ++i) {
        list.push_back(block * channel + y * row + std::ptrdiff_t{i} * layout.together * layout.pixel);
      }
    }
  }
  return list;
}

}  // namespace pydarknet
