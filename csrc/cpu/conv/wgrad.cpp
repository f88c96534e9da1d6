// The gradient with respect to the weights: for each tap, channel and filter a sum over pixels. Weights are
// cut into tiles whose sums stay in the second-level cache as [channel][tap][filter], while the pixels pass
// in bands that stay in the first-level cache for all taps and channels.
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/conv/panels.h"
#include "cpu/conv/wgrad_tiles.h"
#include "cpu/conv/winograd_wgrad.h"
#include "ops/conv_backward.h"

namespace pydarknet {
namespace {

using namespace weight_gradient;

constexpr std::int64_t kSumBytes = 384 << 10;  // of a tile's sums, in the second-level cache
constexpr std::int64_t kBandBytes = 36 << 10;  // of the pixels that one run of filters meets, in the first
constexpr int kBandColumns = 64;
constexpr std::int64_t kTasks = 16;         // wanted at least, for the threads of larger machines
constexpr std::int64_t kTaskPixels = 1024;  // at least, to make up for clearing and adding a task's sums

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
  Plan(const ConvShape& s, bool plain, int threads) {
    const int taps = plain ? 1 : s.taps();
    const int lanes =
        plain ? s.c * std::min(s.stride_y, s.kernel_h) * std::min(s.stride_x, s.kernel_w) : kBlock;
    const std::int64_t channel_bytes = std::int64_t{4} * taps * kTileBlocks * kBlock * kBlock;
    const int most_channels = static_cast<int>(std::max<std::int64_t>(1, kSumBytes / channel_bytes));
    if (plain) {
      cut({0, blocks_of(s.k), 0, s.c * s.taps()}, most_channels, tiles);
    } else if (s.groups == 1) {
      cut({0, blocks_of(s.k), 0, s.c}, most_channels, tiles);
    } else {
      for (const Panel& p : conv_panels(s)) {
        cut({p.filter_block, p.blocks, p.channel_block, p.channels}, most_channels, tiles);
      }
    }
    for (const Tile& tile : tiles) {
      tile_floats = std::max(tile_floats, std::int64_t{tile.channels} * taps * tile.filters());
    }
    const int columns = s.out_w(), most_columns = std::min(columns, kBandColumns);
    const std::int64_t pixel_bytes = std::int64_t{4} * (lanes + simd::kWgradVectors * kBlock);
    const std::int64_t most_rows = std::max<std::int64_t>(1, kBandBytes / pixel_bytes / most_columns);
    across = {columns, ceil_div(columns, most_columns)};
    down = {s.out_h(), ceil_div(s.out_h(), most_rows)};
    bands = std::int64_t{s.n} * down.count * across.count;
    const std::int64_t rows_in = std::int64_t{down.longest() - 1} * s.stride_y + s.kernel_h;
    const std::int64_t columns_in = std::int64_t{across.longest() - 1} * s.stride_x + s.kernel_w;
    copy = plain ? s.c * rows_in * columns_in : 0;
    const std::int64_t count = static_cast<std::int64_t>(tiles.size());
    const std::int64_t pixels = std::int64_t{s.n} * s.out_h() * s.out_w();
    splits = static_cast<int>(
        std::clamp<std::int64_t>(std::min(bands, pixels / kTaskPixels), 1, ceil_div(kTasks, count)));
    slots = static_cast<int>(splits > 1 ? count * splits : std::min<std::int64_t>(threads, count));
  }
  std::int64_t workspace() const { return (tile_floats + copy) * slots; }
  std::int64_t tasks() const { return static_cast<std::int64_t>(tiles.size()) * splits; }

  Parts down, across;  // of an image's rows and columns
  std::int64_t bands;  // of all images
  std::vector<Tile> tiles;
  std::int64_t tile_floats = 0;
  std::int64_t copy;  // floats of a band's input, for plain images
  int splits;         // parts of the bands
  int slots;          // sums (and copies) in the workspace: one a task with splits, otherwise one a thread
};

struct Band {
  int image;
  Range rows, columns;
};

Band band_at(const Plan& plan, std::int64_t index) {
  const std::int64_t row = index / plan.across.count;
  return {static_cast<int>(row / plan.down.count), plan.down.at(static_cast<int>(row % plan.down.count)),
          plan.across.at(static_cast<int>(index % plan.across.count))};
}

// Positions of `range` for which the tap meets the input rather than padding; may be empty or reversed.
Range inside(Range range, int tap, int stride, int padding, int size) {
  const int begin = std::max(range.begin, ceil_div(std::max(0, padding - tap), stride));
  const int last = size - 1 + padding - tap;
  return {begin, last < 0 ? begin : std::min(range.end, last / stride + 1)};
}

class BlockedSource {
 public:
  BlockedSource(const ConvShape& shape, ConstTensor x) : s_(shape), x_(x) {}
  int taps() const { return s_.taps(); }

  // Adds the band's products to the sums of the tile's filters from `vector` on; `y` is row 0 of the image.
  void band(const Band& b, const Tile& tile, WgradOperands p, const float* y, int vectors, float*) const {
    p.x_row = std::int64_t{s_.stride_y} * s_.w * kBlock;
    p.x_column = std::int64_t{s_.stride_x} * kBlock;
    p.sums_value = std::int64_t{s_.taps()} * tile.filters();
    float* const sums = p.sums;
    for (int block = 0; block < tile.channel_blocks(); ++block) {
      const float* x = x_.block(b.image, tile.channel_block + block);
      for (int ky = 0; ky < s_.kernel_h; ++ky) {
        const Range rows = inside(b.rows, ky, s_.stride_y, s_.pad_y, s_.h);
        for (int kx = 0; kx < s_.kernel_w; ++kx) {
          const Range columns = inside(b.columns, kx, s_.stride_x, s_.pad_x, s_.w);
          if (rows.size() <= 0 || columns.size() <= 0) continue;
          p.rows = rows.size();
          p.columns = columns.size();
          const std::int64_t row = std::int64_t{rows.begin} * s_.stride_y - s_.pad_y + ky;
          const std::int64_t column = std::int64_t{columns.begin} * s_.stride_x - s_.pad_x + kx;
          p.x = x + (row * s_.w + column) * kBlock;
          p.y = y + rows.begin * p.y_row + columns.begin * p.y_column;
          p.sums = sums + (std::int64_t{block} * kBlock * s_.taps() + ky * s_.kernel_w + kx) * tile.filters();
          wgrad_lanes(p, tile.lanes(block), vectors);
        }
      }
    }
  }
  void prepare(const Band&, float*) const {}

 private:
  const ConvShape& s_;
  const ConstTensor x_;
};

// Plain images have few channels: each tap of each channel counts as a channel of a 1x1 convolution, whose
// values lie at constant offsets in a copy of the band's padded input.
class PlainSource {
 public:
  PlainSource(const ConvShape& shape, ConstPlain x, const Plan& plan)
      : s_(shape),
        x_(x),
        rows_((plan.down.longest() - 1) * s_.stride_y + s_.kernel_h),
        columns_((plan.across.longest() - 1) * s_.stride_x + s_.kernel_w) {
    for (int c = 0; c < s_.c; ++c) {
      for (int ky = 0; ky < s_.kernel_h; ++ky) {
        for (int kx = 0; kx < s_.kernel_w; ++kx) offsets_.push_back((c * rows_ + ky) * columns_ + kx);
      }
    }
  }
  int taps() const { return 1; }

  void prepare(const Band& b, float* copy) const {
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

  void band(const Band& b, const Tile& tile, WgradOperands p, const float* y, int vectors,
            const float* copy) const {
    p.x = copy;
    p.offsets = offsets_.data() + tile.channel_block * kBlock;
    p.x_column = s_.stride_x;
    p.x_row = columns_ * s_.stride_y;
    p.sums_value = tile.filters();
    p.rows = b.rows.size();
    p.columns = b.columns.size();
    p.y = y + b.rows.begin * p.y_row + b.columns.begin * p.y_column;
    wgrad_lanes(p, tile.channels, vectors);
  }

 private:
  const ConvShape& s_;
  const ConstPlain x_;
  const std::ptrdiff_t rows_, columns_;  // of the copy
  std::vector<std::ptrdiff_t> offsets_;
};

// Sums of one tile over bands [begin, end).
template <class Source>
void sum_bands(const Plan& plan, const Source& source, const Tile& tile, ConstTensor dy, std::int64_t begin,
               std::int64_t end, float* sums, float* copy) {
  std::fill_n(sums, std::int64_t{tile.channels} * source.taps() * tile.filters(), 0.0f);
  const int runs = ceil_div(tile.filter_blocks, simd::kWgradVectors);
  WgradOperands p{};
  p.y_row = std::int64_t{dy.w} * kBlock;
  p.y_column = kBlock;
  p.y_vector = dy.plane();
  p.sums_vector = kBlock;
  for (std::int64_t i = begin; i < end; ++i) {
    const Band band = band_at(plan, i);
    source.prepare(band, copy);
    for (int run = 0; run < runs; ++run) {
      const int block = part(tile.filter_blocks, run, runs);
      p.sums = sums + block * kBlock;
      source.band(band, tile, p, dy.block(band.image, tile.filter_block + block),
                  part(tile.filter_blocks, run + 1, runs) - block, copy);
    }
  }
}

template <class Source>
void sum_all(const Plan& plan, const Source& source, const Adder& adder, ConstTensor dy, float* workspace) {
  const std::int64_t slot = plan.tile_floats + plan.copy, tasks = plan.tasks();
  Tasks shared(tasks, plan.slots);
  parallel_parts(plan.slots, [&](int thread, int) {
    for (std::int64_t task; (task = shared.take(thread)) >= 0;) {
      const Tile& tile = plan.tiles[task / plan.splits];
      const int split = static_cast<int>(task % plan.splits);
      float* const sums = workspace + slot * (plan.splits > 1 ? task : thread);
      sum_bands(plan, source, tile, dy, part_begin(plan.bands, split, plan.splits),
                part_begin(plan.bands, split + 1, plan.splits), sums, sums + plan.tile_floats);
      if (plan.splits == 1) adder.add(tile, sums);
    }
  });
  if (plan.splits == 1) return;
  // Parts are added up before the gradient is: it grows once in a call, so that a sum over calls can be
  // shared.
  parallel_for(static_cast<std::int64_t>(plan.tiles.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const Tile& at = plan.tiles[tile];
      const std::int64_t floats = std::int64_t{at.channels} * source.taps() * at.filters();
      float* const sums = workspace + slot * tile * plan.splits;
      for (int split = 1; split < plan.splits; ++split) {
        const float* const more = sums + slot * split;
        for (std::int64_t i = 0; i < floats; ++i) sums[i] += more[i];
      }
      adder.add(at, sums);
    }
  });
}

// The plan for as many threads as the workspace has room for.
Plan fitting_plan(const ConvShape& s, bool plain, std::int64_t floats) {
  int threads = num_threads();
  while (threads > 1 && Plan(s, plain, threads).workspace() > floats) --threads;
  return Plan(s, plain, threads);
}

ConstTensor blocked(const ConvShape& s, const float* x) {
  return {x, s.n, blocks_of(s.c) * kBlock, s.h, s.w};
}

bool connected(const ConvShape& s) {
  return s.groups == 1 && s.kernel_h == s.h && s.kernel_w == s.w && s.pad_y == 0 && s.pad_x == 0;
}

// One pixel of output: dweights[k] += sum over images of dy[k] * x, with vectors along the input's values in
// the order of the weights. The weights are read and written once.
class ConnectedGradient {
 public:
  ConnectedGradient(const ConvShape& s, ConstTensor dy, float* dweights)
      : s_(s), dy_(dy), dweights_(dweights), values_(std::int64_t{s.c} * s.taps()) {}

  void flatten(ConstTensor x, float* flat) const {
    for (int image = 0; image < s_.n; ++image) {
      for (int c = 0; c < s_.c; ++c) {
        const float* from = x.block(image, c / kBlock) + c % kBlock;
        for (int i = 0; i < s_.taps(); ++i) *flat++ = from[i * kBlock];
      }
    }
  }

  // Filters [first, last) of one block.
  void add(const float* flat, int first, int last) const {
    WgradOperands p{};
    p.x = dy_.block(0, first / kBlock) + first % kBlock;
    p.x_column = dy_.image();
    p.y_column = values_;
    p.y_vector = p.sums_vector = kBlock;
    p.rows = 1;
    p.columns = s_.n;
    p.sums_value = values_;
    std::int64_t done = 0;
    for (int vectors = simd::kWgradVectors; vectors > 0; --vectors) {
      for (; done + vectors * kBlock <= values_; done += vectors * kBlock) {
        p.y = flat + done;
        p.sums = dweights_ + first * values_ + done;
        wgrad_lanes(p, last - first, vectors);
      }
    }
    for (int k = first; k < last; ++k) add_rest(flat, k, done);
  }

 private:
  void add_rest(const float* flat, int k, std::int64_t from) const {
    for (std::int64_t i = from; i < values_; ++i) {
      float sum = 0;
      for (int image = 0; image < s_.n; ++image) {
        sum += dy_.block(image, k / kBlock)[k % kBlock] * flat[image * values_ + i];
      }
      dweights_[k * values_ + i] += sum;
    }
  }

  const ConvShape& s_;
  const ConstTensor dy_;
  float* const dweights_;
  const std::int64_t values_;
};

void connected_gradient(const ConvShape& s, ConstTensor x, ConstTensor dy, float* dweights, float* flat) {
  const ConnectedGradient gradient(s, dy, dweights);
  gradient.flatten(x, flat);
  const int groups = ceil_div(s.k, simd::kWgradValues);
  parallel_for(groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int first = static_cast<int>(i) * simd::kWgradValues;
      gradient.add(flat, first, std::min(s.k, first + simd::kWgradValues));
    }
  });
}

// The kernel is the whole input.
class Connected : public ConvWgrad {
 public:
  explicit Connected(const ConvShape& s) : s_(s) {}
  std::int64_t workspace(int) const override { return std::int64_t{s_.n} * s_.c * s_.taps(); }
  void run(const WgradCall& call, Stream) const override {
    connected_gradient(s_, blocked(s_, call.x), call.dy, call.dweights, call.workspace);
  }

 private:
  const ConvShape s_;
};

class Winograd : public ConvWgrad {
 public:
  explicit Winograd(const ConvShape& s) : s_(s) {}
  std::int64_t workspace(int threads) const override { return winograd_gradient_workspace(s_, threads); }
  void run(const WgradCall& call, Stream) const override {
    winograd_gradient(s_, blocked(s_, call.x), call.dy, call.dweights, call.workspace, call.workspace_floats);
  }

 private:
  const ConvShape s_;
};

class Direct : public ConvWgrad {
 public:
  Direct(const ConvShape& s, bool plain) : s_(s), plain_(plain) {}
  std::int64_t workspace(int threads) const override { return Plan(s_, plain_, threads).workspace(); }
  void run(const WgradCall& call, Stream) const override {
    const Plan plan = fitting_plan(s_, plain_, call.workspace_floats);
    if (plain_) {
      const PlainSource source(s_, {call.x, s_.n, s_.c, s_.h, s_.w}, plan);
      sum_all(plan, source, Adder(s_.k, s_.c * s_.taps(), 1, 1, call.dweights), call.dy, call.workspace);
    } else {
      const Adder adder(s_.k, s_.c, s_.taps(), s_.groups, call.dweights);
      sum_all(plan, BlockedSource(s_, blocked(s_, call.x)), adder, call.dy, call.workspace);
    }
  }

 private:
  const ConvShape s_;
  const bool plain_;
};

}  // namespace

std::unique_ptr<const ConvWgrad> conv_wgrad(const ConvShape& s, bool plain) {
  if (!plain && connected(s)) return std::make_unique<Connected>(s);
  if (!plain && winograd_gradient_pays(s)) return std::make_unique<Winograd>(s);
  return std::make_unique<Direct>(s, plain);
}

}  // namespace pydarknet
