// Gradients of 3x3 kernels with stride 1 by F(4x4, 3x3) transposed (cpu/simd/winograd_wgrad.h): dy's tiles of
// 4x4 and x's of 6x6 become 36 points each; at every point the gradient is a sum of outer products over
// tiles, in BF16 over pairs of them.
#include "cpu/wgrad/winograd.h"

#include "cpu/lib/sizes.h"
#include "cpu/wgrad/tiles.h"
#include "cpu/wgrad/winograd_points.h"

namespace pydarknet {
namespace {

using namespace weight_gradient;
using Gradient = simd::WinogradGradient;

constexpr int kKernel = Gradient::kKernel, kTaps = kKernel * kKernel;
// Of transformed x and dy that threads share: near where the weights are few, and else as many as make up for
// folding each group's sums.
constexpr std::int64_t kNearBytes = 4 << 20, kSharedBytes = 16 << 20;
constexpr std::int64_t kOwnBytes = 640 << 10;   // of those of one thread, in the second-level cache
constexpr std::int64_t kSumBytes = 320 << 10;   // of all points of all weights, beside them
constexpr std::int64_t kTileBytes = 672 << 10;  // of a weight tile's sums at all points
constexpr std::int64_t kRunUnits = 144;         // in the first-level cache: a block of x and three of dy
constexpr std::int64_t kSplits = 16;            // wanted at least, for the threads of larger machines
constexpr std::int64_t kSplitTiles = 256;       // at least, to make up for transforming the sums

// What a sum of outer products runs over: tiles, or pairs of them.
int together(const ConvShape& s) { return wgrad_pairs(s) ? 2 : 1; }

// How pixels and weights are cut. Few weights, whose sums at all points stay in the second-level cache: the
// pixels in splits of their own sums, for the threads, and these in groups. Many weights: tiles of them for
// the threads, and the pixels, transformed by all threads, in as few groups as memory allows.
struct Plan {
  Plan(const ConvShape& s, int threads)
      : grid(s, together(s)), units(grid.units()), x_blocks(blocks_of(s.c)), y_blocks(blocks_of(s.k)) {
    const std::int64_t weights = std::int64_t{s.c} * y_blocks * kBlock;
    const std::int64_t unit_bytes = std::int64_t{4} * kPoints * (x_blocks + y_blocks) * kBlock;
    own = 4 * kPoints * weights <= kSumBytes;
    splits = own ? static_cast<int>(std::clamp<std::int64_t>(grid.all / kSplitTiles, 1, kSplits)) : 1;
    const std::int64_t share = ceil_div(units, splits);
    // Several groups keep all taps: not if they take more memory than all pixels in one group.
    const std::int64_t kept = 4 * kTaps * weights;
    const std::int64_t bytes =
        own ? kOwnBytes : std::max({kNearBytes, std::min(4 * kept, kSharedBytes), kept});
    groups = ceil_div(share, std::clamp<std::int64_t>(bytes / unit_bytes, 1, share));
    group = ceil_div(share, groups);
    block = group * kBlock;
    x_point = odd_lines(block * x_blocks);
    y_point = odd_lines(block * y_blocks);
    const std::int64_t channel_bytes = std::int64_t{4} * kPoints * kTileBlocks * kBlock * kBlock;
    cut({0, y_blocks, 0, s.c}, kTileBlocks,
        static_cast<int>(std::max<std::int64_t>(1, kTileBytes / channel_bytes)), tiles);
    for (const Tile& tile : tiles) {
      offsets.push_back(all_weights);
      all_weights += weights_of(tile);
      most = std::max(most, weights_of(tile));
    }
    workers = static_cast<int>(std::min<std::int64_t>(threads, own ? splits : tiles.size()));
    sums = kPoints * (own ? all_weights : most);
    taps = own || groups > 1 ? kTaps * all_weights * splits : kTaps * most * workers;
  }
  static std::int64_t weights_of(const Tile& tile) { return std::int64_t{tile.channels} * tile.filters(); }
  std::int64_t points() const { return (x_point + y_point) * kPoints; }
  std::int64_t workspace() const { return points() * (own ? workers : 1) + sums * workers + taps; }

  TileGrid grid;
  std::int64_t units;
  int x_blocks, y_blocks;
  bool own;
  int splits, groups;
  std::int64_t group;                    // units of a group
  std::int64_t block, x_point, y_point;  // strides of the points of x and dy
  std::vector<Tile> tiles;
  std::vector<std::int64_t> offsets;       // of each tile among all weights
  std::int64_t all_weights = 0, most = 0;  // of all tiles, and of the largest
  int workers;                             // threads that have sums of their own
  std::int64_t sums, taps;                 // floats: of one worker, and of all
};

// Units [begin, end) of the tiles, whose points lie at `points`.
struct Group {
  std::int64_t begin, end;
  float* points;
  int size() const { return static_cast<int>(end - begin); }
  // Of them, counted from the first, those that have a point.
  TileGrid::Range having(const TileGrid& grid, int point) const {
    const TileGrid::Range all = grid.having(point);
    return {std::max(all.begin, begin) - begin, std::min(all.end, end) - begin};
  }
};

class Call {
 public:
  Call(const ConvShape& s, const Plan& plan, ConstTensor x, ConstTensor dy)
      : p_(plan), x_(x, plan.grid, s.pad_y, s.pad_x), y_(dy, plan.grid, 0, 0), together_(together(s)) {}

  // One of the blocks of x, and after them of dy.
  void transform(const Group& group, int block) const {
    float* const y_points = group.points + p_.x_point * kPoints;
    if (block < p_.x_blocks) {
      write(x_, group, block, group.points + block * p_.block, p_.x_point);
    } else {
      block -= p_.x_blocks;
      write(y_, group, block, y_points + block * p_.block, p_.y_point);
    }
  }

  // sums[channel][filter] of the tile at one point grow, or start if `fresh`. What follows it is asked for.
  void multiply(const Group& group, const Tile& tile, int point, bool fresh, float* sums) const {
    const float* const x = group.points + point * p_.x_point + tile.channel_block * p_.block;
    const float* const y =
        group.points + p_.x_point * kPoints + point * p_.y_point + tile.filter_block * p_.block;
    WgradOperands c{};
    c.x_column = c.y_column = kBlock;
    c.y_vector = p_.block;
    c.rows = 1;
    c.sums_value = tile.filters();
    c.sums_vector = kBlock;
    const int runs = ceil_div(tile.filter_blocks, simd::kWgradVectors), blocks = tile.channel_blocks();
    const TileGrid::Range range = group.having(p_.grid, point);
    if (range.size() == 0 && fresh) std::fill_n(sums, Plan::weights_of(tile), 0.0f);
    const int chunks = ceil_div(range.size(), kRunUnits);
    const bool last = point + 1 == kPoints;
    const Ahead ahead{last ? x : x + p_.x_point, last ? 0 : tile.channel_blocks() * p_.block,
                      last ? y : y + p_.y_point, last ? 0 : tile.filter_blocks * p_.block,
                      std::int64_t{chunks} * runs * blocks};
    int calls = 0;
    for (int chunk = 0; chunk < chunks; ++chunk) {
      const std::int64_t begin = range.begin + part(range.size(), chunk, chunks);
      c.columns = static_cast<int>(range.begin + part(range.size(), chunk + 1, chunks) - begin);
      c.fresh = fresh && chunk == 0;
      for (int run = 0; run < runs; ++run) {
        const int first = part(tile.filter_blocks, run, runs);
        c.y = y + first * p_.block + begin * kBlock;
        for (int block = 0; block < blocks; ++block) {
          c.x = x + block * p_.block + begin * kBlock;
          c.sums = sums + std::int64_t{block} * kBlock * tile.filters() + first * kBlock;
          const int vectors = part(tile.filter_blocks, run + 1, runs) - first;
          ahead.ask(c, calls++, ceil_div(tile.lanes(block), simd::wgrad_values(vectors)));
          wgrad_lanes(kernels(), c, tile.lanes(block), vectors);
        }
      }
    }
  }

  // taps[channel][tap][filter] = G^T (the sums of all points) G, or grow by that.
  static void fold(const Tile& tile, const float* sums, bool fresh, float* taps) {
    const std::int64_t size = Plan::weights_of(tile);
    for (std::int64_t i = 0; i < size; i += kBlock) {
      Lanes rows[kKernel * kSide], g[kTaps];
      for (int row = 0; row < kSide; ++row) {
        Lanes u[kSide];
        for (int j = 0; j < kSide; ++j) u[j] = simd::load(sums + (row * kSide + j) * size + i);
        Gradient::kernel(u, 1, rows + row, kSide);
      }
      for (int j = 0; j < kKernel; ++j) Gradient::kernel(rows + j * kSide, 1, g + j, kKernel);
      float* const to = taps + i / tile.filters() * kTaps * tile.filters() + i % tile.filters();
      for (int tap = 0; tap < kTaps; ++tap) {
        float* const at = to + tap * tile.filters();
        simd::store(at, fresh ? g[tap] : simd::load(at) + g[tap]);
      }
    }
  }

 private:
  // The next point's x and dy, a share of them in each of so many calls.
  struct Ahead {
    const float* x;
    std::int64_t x_floats;
    const float* y;
    std::int64_t y_floats, calls;

    void ask(WgradOperands& c, int call, int groups) const {
      const std::int64_t all = x_floats + y_floats, begin = all * call / calls;
      c.ahead = begin < x_floats ? x + begin : y + (begin - x_floats);
      c.ahead_step = all == 0 ? 0 : all / (calls * groups * c.columns) + 1;
    }
  };

  template <class Writer>
  void write(const Writer& writer, const Group& group, int block, float* to, std::int64_t point) const {
    if (together_ == 2) {
      writer.template run<2>(group.begin, group.size(), block, to, point);
    } else {
      writer.template run<1>(group.begin, group.size(), block, to, point);
    }
  }

  const simd::WgradKernels& kernels() const {
    return together_ == 2 ? simd::wgrad_kernels<simd::Bf16Pairs>() : simd::wgrad_kernels<simd::Fp32>();
  }

  const Plan& p_;
  const PointWriter<InputLine> x_;
  const PointWriter<OutputLine> y_;
  const int together_;
};

// Every split by itself, then the sum of their taps.
void by_pixels(const Plan& p, const Call& call, const Adder& adder, float* workspace) {
  float* const taps = workspace + (p.points() + p.sums) * p.workers;
  Tasks tasks(p.splits, p.workers);
  parallel_parts(p.workers, [&](int worker, int) {
    float* const points = workspace + (p.points() + p.sums) * worker;
    float* const sums = points + p.points();
    for (std::int64_t task; (task = tasks.take(worker)) >= 0;) {
      const int split = static_cast<int>(task);
      const std::int64_t begin = part_begin(p.units, split, p.splits),
                         end = part_begin(p.units, split + 1, p.splits);
      for (int i = 0; i < p.groups; ++i) {
        const Group group{begin + part_begin(end - begin, i, p.groups),
                          begin + part_begin(end - begin, i + 1, p.groups), points};
        for (int block = 0; block < p.x_blocks + p.y_blocks; ++block) call.transform(group, block);
        for (std::size_t tile = 0; tile < p.tiles.size(); ++tile) {
          const std::int64_t size = Plan::weights_of(p.tiles[tile]);
          float* const to = sums + kPoints * p.offsets[tile];
          for (int point = 0; point < kPoints; ++point) {
            call.multiply(group, p.tiles[tile], point, i == 0, to + point * size);
          }
        }
      }
      float* const mine = taps + kTaps * p.all_weights * split;
      for (std::size_t tile = 0; tile < p.tiles.size(); ++tile) {
        const std::int64_t at = p.offsets[tile];
        Call::fold(p.tiles[tile], sums + kPoints * at, true, mine + kTaps * at);
      }
    }
  });
  for (int split = 1; split < p.splits; ++split) {
    const float* const more = taps + kTaps * p.all_weights * split;
    for (std::int64_t i = 0; i < kTaps * p.all_weights; ++i) taps[i] += more[i];
  }
  for (std::size_t tile = 0; tile < p.tiles.size(); ++tile) {
    adder.add(p.tiles[tile], taps + kTaps * p.offsets[tile]);
  }
}

// One group after the other; of each the tiles of weights by themselves.
void by_weights(const Plan& p, const Call& call, const Adder& adder, float* workspace) {
  float* const sums = workspace + p.points();
  float* const taps = sums + p.sums * p.workers;
  for (int i = 0; i < p.groups; ++i) {
    const Group group{part_begin(p.units, i, p.groups), part_begin(p.units, i + 1, p.groups), workspace};
    parallel_for(p.x_blocks + p.y_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t j = begin; j < end; ++j) call.transform(group, static_cast<int>(j));
    });
    Tasks tasks(static_cast<std::int64_t>(p.tiles.size()), p.workers);
    parallel_parts(p.workers, [&](int worker, int) {
      float* const own = sums + p.sums * worker;
      for (std::int64_t j; (j = tasks.take(worker)) >= 0;) {
        const Tile& tile = p.tiles[j];
        const std::int64_t size = Plan::weights_of(tile);
        float* const to = taps + kTaps * (p.groups > 1 ? p.offsets[j] : p.most * worker);
        for (int point = 0; point < kPoints; ++point) {
          call.multiply(group, tile, point, true, own + point * size);
        }
        Call::fold(tile, own, i == 0, to);
        if (i + 1 == p.groups) adder.add(tile, to);
      }
    });
  }
}

}  // namespace

bool winograd_gradient_pays(const ConvShape& s) {
  if (s.kernel_h != 3 || s.kernel_w != 3 || s.stride_y != 1 || s.stride_x != 1 || s.groups != 1) return false;
  if (s.c < kBlock || s.k < kBlock || s.out_h() < 3 || s.out_w() < 3) return false;
  // Vector instructions: products at half a cycle, transforms at one.
  const TileGrid grid(s, 1);
  const double products = 0.5 * s.c * blocks_of(s.k), transforms = 250.0 * (blocks_of(s.c) + blocks_of(s.k));
  const double weights = 100.0 * s.c * blocks_of(s.k);
  return grid.products() * products + grid.all * transforms + weights <
         0.9 * s.n * kTaps * products * s.out_h() * s.out_w();
}

std::int64_t winograd_gradient_workspace(const ConvShape& s, int threads) {
  return Plan(s, threads).workspace();
}

void winograd_gradient(const ConvShape& s, ConstTensor x, ConstTensor dy, float* dweights, float* workspace,
                       std::int64_t workspace_floats) {
  int threads = num_threads();
  while (threads > 1 && Plan(s, threads).workspace() > workspace_floats) --threads;
  const Plan plan(s, threads);
  const Call call(s, plan, x, dy);
  const Adder adder(s.k, s.c, kTaps, 1, dweights);
  if (plan.own) {
    by_pixels(plan, call, adder, workspace);
  } else {
    by_weights(plan, call, adder, workspace);
  }
}

}  // namespace pydarknet
