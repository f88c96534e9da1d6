// How the direct gradient of weights is cut, and where its factors lie.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/conv/panels.h"
#include "cpu/wgrad/tiles.h"

namespace pydarknet::weight_gradient {

inline constexpr std::int64_t kSumBytes = 384 << 10;  // of a tile's sums, in the second-level cache
inline constexpr std::int64_t kBandBytes =
    36 << 10;  // of the pixels that one run of filters meets, in the first
inline constexpr int kBandColumns = 64;
inline constexpr int kPlainColumns = 512;   // of plain images: dy, which is read once, passes line after line
inline constexpr std::int64_t kTasks = 16;  // wanted at least, for the threads of larger machines
inline constexpr std::int64_t kTaskPixels =
    1024;  // at least, to make up for clearing and adding a task's sums

struct Range {
  int begin, end;
  int size() const { return end - begin; }
};

// `size` positions in `count` nearly equal ranges.
struct Parts {
  int size, count;
  Range at(int i) const { return {part(size, i, count), part(size, i + 1, count)}; }
  int longest() const { return ceil_div(size, count); }
};

// Bands of output pixels, rectangles of all images, and the tasks that threads share: tiles, or, if there are
// few, each tile in several parts of the bands whose sums are added at the end. Tasks are the same for any
// number of threads, and so are the sums.
struct Plan {
  Plan(const ConvShape& s, bool plain, int threads)
      : paired(!plain && s.n > 1 && wgrad_pairs(s)),
        copied(paired || (!plain && s.taps() == 1 && s.stride_y == 1 && s.stride_x == 1)) {
    const int taps = plain ? 1 : s.taps();
    const int lanes =
        plain ? s.c * std::min(s.stride_y, s.kernel_h) * std::min(s.stride_x, s.kernel_w) : kBlock;
    const std::int64_t channel_bytes = std::int64_t{4} * taps * kTileBlocks * kBlock * kBlock;
    const int most_channels = static_cast<int>(std::max<std::int64_t>(1, kSumBytes / channel_bytes));
    if (plain) {
      cut({0, blocks_of(s.k), 0, s.c * s.taps()}, kTileBlocks, most_channels, tiles);
    } else if (s.groups == 1) {
      cut({0, blocks_of(s.k), 0, s.c}, kTileBlocks, most_channels, tiles);
    } else {
      for (const Panel& p : conv_panels(s)) {
        cut({p.filter_block, p.blocks, p.channel_block, p.channels}, kTileBlocks, most_channels, tiles);
      }
    }
    for (const Tile& tile : tiles) {
      tile_floats = std::max(tile_floats, std::int64_t{tile.channels} * taps * tile.filters());
    }
    const int columns = s.out_w(), most_columns = std::min(columns, plain ? kPlainColumns : kBandColumns);
    const std::int64_t pixel_bytes = std::int64_t{4} * (lanes + simd::kWgradVectors * kBlock);
    const std::int64_t most_rows = std::max<std::int64_t>(1, kBandBytes / pixel_bytes / most_columns);
    across = {columns, ceil_div(columns, most_columns)};
    down = {s.out_h(), ceil_div(s.out_h(), most_rows)};
    bands = std::int64_t{paired ? ceil_div(s.n, 2) : s.n} * down.count * across.count;
    const std::int64_t rows_in = std::int64_t{down.longest() - 1} * s.stride_y + s.kernel_h;
    const std::int64_t columns_in = std::int64_t{across.longest() - 1} * s.stride_x + s.kernel_w;
    for (const Tile& tile : tiles) {
      const std::int64_t blocked = (tile.channel_blocks() * rows_in * columns_in +
                                    tile.filter_blocks * std::int64_t{down.longest()} * across.longest()) *
                                   kBlock;
      copy = plain ? s.c * rows_in * columns_in : copied ? std::max(copy, blocked) : 0;
    }
    const std::int64_t count = static_cast<std::int64_t>(tiles.size());
    const std::int64_t pixels = std::int64_t{s.n} * s.out_h() * s.out_w();
    splits = static_cast<int>(
        std::clamp<std::int64_t>(std::min(bands, pixels / kTaskPixels), 1, ceil_div(kTasks, count)));
    workers = static_cast<int>(std::min<std::int64_t>(threads, tasks()));
    slots = splits > 1 ? static_cast<int>(tasks()) : workers;
  }
  std::int64_t workspace() const { return tile_floats * slots + copy * workers; }
  std::int64_t tasks() const { return static_cast<std::int64_t>(tiles.size()) * splits; }

  bool paired;         // images in pairs, as BF16
  bool copied;         // bands of blocked images are: pairs, and 1x1 kernels, whose channels lie pages apart
  Parts down, across;  // of an image's rows and columns
  std::int64_t bands;  // of all images, or pairs
  std::vector<Tile> tiles;
  std::int64_t tile_floats = 0;
  std::int64_t copy = 0;  // floats of a band's input, and where blocked images are copied of its dy
  int splits;             // parts of the bands
  int workers;            // threads that have a copy
  int slots;              // sums in the workspace: one a task with splits, otherwise one a worker
};

struct Band {
  int image;  // or pair of images
  Range rows, columns;
};

inline Band band_at(const Plan& plan, std::int64_t index) {
  const std::int64_t row = index / plan.across.count;
  return {static_cast<int>(row / plan.down.count), plan.down.at(static_cast<int>(row % plan.down.count)),
          plan.across.at(static_cast<int>(index % plan.across.count))};
}

// Positions of `range` for which the tap meets the input rather than padding; may be empty or reversed.
inline Range inside(Range range, int tap, int stride, int padding, int size) {
  const int begin = std::max(range.begin, ceil_div(std::max(0, padding - tap), stride));
  const int last = size - 1 + padding - tap;
  return {begin, last < 0 ? begin : std::min(range.end, last / stride + 1)};
}

// Where a band's factors lie.
struct View {
  const float* x;  // of the tile's first channel block: row `top`, column `left` of the image
  std::int64_t x_block, x_row;
  int top, left;
  const float* y;  // of the tile's first filter block: the band's first pixel
};

class BlockedSource {
 public:
  BlockedSource(const ConvShape& shape, ConstTensor x, ConstTensor dy, const Plan& plan)
      : s_(shape), x_(x), dy_(dy), paired_(plan.paired), copied_(plan.copied) {}
  int taps() const { return s_.taps(); }

  View prepare(const Band& b, const Tile& tile, WgradOperands& p, float* copy) const {
    p.y_column = kBlock;
    if (copied_) return copied(b, tile, p, copy);
    p.y_row = std::int64_t{dy_.w} * kBlock;
    p.y_vector = dy_.plane();
    return {x_.block(b.image, tile.channel_block),
            x_.plane(),
            std::int64_t{x_.w} * kBlock,
            0,
            0,
            dy_.block(b.image, tile.filter_block) + b.rows.begin * p.y_row + b.columns.begin * kBlock};
  }

  // Adds the band's products to the sums of the tile's filters from block `first` on.
  void band(const Band& b, const View& v, const Tile& tile, WgradOperands p, int first, int vectors) const {
    const simd::WgradKernels& kernels =
        paired_ ? simd::wgrad_kernels<simd::Bf16Pairs>() : simd::wgrad_kernels<simd::Fp32>();
    p.x_row = s_.stride_y * v.x_row;
    p.x_column = std::int64_t{s_.stride_x} * kBlock;
    p.sums_value = std::int64_t{s_.taps()} * tile.filters();
    float* const sums = p.sums;
    for (int block = 0; block < tile.channel_blocks(); ++block) {
      for (int ky = 0; ky < s_.kernel_h; ++ky) {
        const Range rows = inside(b.rows, ky, s_.stride_y, s_.pad_y, s_.h);
        for (int kx = 0; kx < s_.kernel_w; ++kx) {
          const Range columns = inside(b.columns, kx, s_.stride_x, s_.pad_x, s_.w);
          if (rows.size() <= 0 || columns.size() <= 0) continue;
          p.rows = rows.size();
          p.columns = columns.size();
          const std::int64_t row = std::int64_t{rows.begin} * s_.stride_y - s_.pad_y + ky - v.top;
          const std::int64_t column = std::int64_t{columns.begin} * s_.stride_x - s_.pad_x + kx - v.left;
          p.x = v.x + block * v.x_block + row * v.x_row + column * kBlock;
          p.y = v.y + first * p.y_vector + (rows.begin - b.rows.begin) * p.y_row +
                (columns.begin - b.columns.begin) * p.y_column;
          p.sums = sums + (std::int64_t{block} * kBlock * s_.taps() + ky * s_.kernel_w + kx) * tile.filters();
          wgrad_lanes(kernels, p, tile.lanes(block), vectors);
        }
      }
    }
  }

 private:
  // Side by side; of pairs words of the same pixel of two images.
  View copied(const Band& b, const Tile& tile, WgradOperands& p, float* copy) const {
    const Range rows = seen(b.rows, s_.stride_y, s_.pad_y, s_.kernel_h, s_.h);
    const Range columns = seen(b.columns, s_.stride_x, s_.pad_x, s_.kernel_w, s_.w);
    const std::int64_t x_row = std::int64_t{columns.size()} * kBlock, x_block = x_row * rows.size();
    float* y = copy + x_block * tile.channel_blocks();
    p.y_row = std::int64_t{b.columns.size()} * kBlock;
    p.y_vector = p.y_row * b.rows.size();
    copy_rectangle(x_, b.image, tile.channel_block, tile.channel_blocks(), rows, columns, copy);
    copy_rectangle(dy_, b.image, tile.filter_block, tile.filter_blocks, b.rows, b.columns, y);
    return {copy, x_block, x_row, rows.begin, columns.begin, y};
  }

  // Input positions that the kernel meets.
  static Range seen(Range range, int stride, int padding, int kernel, int size) {
    const std::int64_t begin = std::int64_t{range.begin} * stride - padding;
    const std::int64_t end = std::int64_t{range.end - 1} * stride - padding + kernel;
    const auto clipped = [&](std::int64_t at) {
      return static_cast<int>(std::clamp<std::int64_t>(at, 0, size));
    };
    return {clipped(begin), clipped(end)};
  }

  void copy_rectangle(ConstTensor from, int image, int block, int blocks, Range rows, Range columns,
                      float* to) const {
    const std::int64_t row_floats = std::int64_t{columns.size()} * kBlock;
    for (int i = block; i < block + blocks; ++i) {
      for (int row = rows.begin; row < rows.end; ++row, to += row_floats) {
        const std::int64_t at = (std::int64_t{row} * from.w + columns.begin) * kBlock;
        if (!paired_) {
          std::memcpy(to, from.block(image, i) + at, sizeof(float) * row_floats);
          continue;
        }
        const bool both = 2 * image + 1 < from.n;
        pair_row(from.block(2 * image, i) + at, both ? from.block(2 * image + 1, i) + at : nullptr,
                 row_floats, to);
      }
    }
  }

  static void pair_row(const float* lower, const float* upper, std::int64_t floats, float* to) {
    for (std::int64_t i = 0; i < floats; i += kBlock) {
      const simd::Lanes second = upper ? simd::load(upper + i) : simd::Lanes{};
      simd::store(to + i, simd::Bf16Pairs::pair(simd::load(lower + i), second));
    }
  }

  const ConvShape& s_;
  const ConstTensor x_, dy_;
  const bool paired_, copied_;
};

// Plain images have few channels: each tap of each channel counts as a channel of a 1x1 convolution, whose
// values lie at constant offsets in a copy of the band's padded input.
class PlainSource {
 public:
  PlainSource(const ConvShape& shape, ConstPlain x, ConstTensor dy, const Plan& plan)
      : s_(shape),
        x_(x),
        dy_(dy),
        rows_((plan.down.longest() - 1) * s_.stride_y + s_.kernel_h),
        columns_((plan.across.longest() - 1) * s_.stride_x + s_.kernel_w) {
    for (int c = 0; c < s_.c; ++c) {
      for (int ky = 0; ky < s_.kernel_h; ++ky) {
        for (int kx = 0; kx < s_.kernel_w; ++kx) offsets_.push_back((c * rows_ + ky) * columns_ + kx);
      }
    }
  }
  int taps() const { return 1; }

  View prepare(const Band& b, const Tile& tile, WgradOperands& p, float* copy) const {
    p.y_row = std::int64_t{dy_.w} * kBlock;
    p.y_column = kBlock;
    p.y_vector = dy_.plane();
    const float* const y = dy_.block(b.image, tile.filter_block) + b.rows.begin * p.y_row;
    copy_band(b, copy);
    return {copy, 0, 0, 0, 0, y + b.columns.begin * kBlock};
  }

  void band(const Band& b, const View& v, const Tile& tile, WgradOperands p, int first, int vectors) const {
    p.x = v.x;
    p.offsets = offsets_.data() + tile.channel_block * kBlock;
    p.x_column = s_.stride_x;
    p.x_row = columns_ * s_.stride_y;
    p.sums_value = tile.filters();
    p.rows = b.rows.size();
    p.columns = b.columns.size();
    p.y = v.y + first * p.y_vector;
    wgrad_lanes(simd::wgrad_kernels<simd::Fp32, true>(), p, tile.channels, vectors);
  }

 private:
  void copy_band(const Band& b, float* copy) const {
    const std::int64_t top = std::int64_t{b.rows.begin} * s_.stride_y - s_.pad_y;
    const std::int64_t left = std::int64_t{b.columns.begin} * s_.stride_x - s_.pad_x;
    const std::int64_t begin = std::clamp<std::int64_t>(-left, 0, columns_);
    const std::int64_t end = std::clamp<std::int64_t>(s_.w - left, begin, columns_);
    for (int c = 0; c < s_.c; ++c) {
      for (std::int64_t y = top; y < top + rows_; ++y, copy += columns_) {
        const bool within = y >= 0 && y < s_.h;
        const std::int64_t first = within ? begin : columns_, last = within ? end : columns_;
        std::fill(copy, copy + first, 0.0f);
        if (first < last) {
          std::memcpy(copy + first, x_.channel(b.image, c) + y * s_.w + left + first,
                      sizeof(float) * (last - first));
        }
        std::fill(copy + last, copy + columns_, 0.0f);
      }
    }
  }

  const ConvShape& s_;
  const ConstPlain x_;
  const ConstTensor dy_;
  const std::ptrdiff_t rows_, columns_;  // of the copy
  std::vector<std::ptrdiff_t> offsets_;
};

}  // namespace pydarknet::weight_gradient
