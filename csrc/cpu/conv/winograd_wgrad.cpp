// Gradients of 3x3 kernels with stride 1 by F(4x4, 3x3) transposed (cpu/simd/winograd_wgrad.h): dy's tiles of
// 4x4 and x's of 6x6 become 36 points each; at every point the gradient is a sum of outer products over
// tiles.
#include "cpu/conv/winograd_wgrad.h"

#include "cpu/conv/sizes.h"
#include "cpu/conv/wgrad_tiles.h"
#include "cpu/simd/winograd_wgrad.h"

namespace pydarknet {
namespace {

using namespace weight_gradient;
using Gradient = simd::WinogradGradient;

constexpr int kSide = Gradient::kTile, kPoints = kSide * kSide, kStep = Gradient::kOutput;
constexpr int kTaps = Gradient::kKernel * Gradient::kKernel;
constexpr std::int64_t kGroupBytes = 16 << 20;   // of transformed x and dy
constexpr std::int64_t kPointBytes = 768 << 10;  // of a weight tile's points, in the second-level cache

// Tiles of pixels in groups; weights in tiles. If there are several groups, all sums are kept in between.
struct Plan {
  Plan(const ConvShape& s, int threads)
      : rows(ceil_div(s.out_h(), kStep)),
        columns(ceil_div(s.out_w(), kStep)),
        all(std::int64_t{s.n} * rows * columns),
        x_blocks(blocks_of(s.c)),
        y_blocks(blocks_of(s.k)) {
    const std::int64_t tile_bytes = std::int64_t{4} * kPoints * (x_blocks + y_blocks) * kBlock;
    // Several groups keep all sums: not if they take more memory than all pixels in one group.
    const std::int64_t sum_bytes = std::int64_t{4} * kPoints * s.c * y_blocks * kBlock;
    groups = ceil_div(all, std::clamp<std::int64_t>(std::max(kGroupBytes, sum_bytes) / tile_bytes, 1, all));
    group = ceil_div(all, groups);
    block = group * kBlock;
    x_point = odd_lines(block * x_blocks);
    y_point = odd_lines(block * y_blocks);
    const std::int64_t channel_bytes = std::int64_t{4} * kPoints * kTileBlocks * kBlock * kBlock;
    cut({0, y_blocks, 0, s.c}, static_cast<int>(std::max<std::int64_t>(1, kPointBytes / channel_bytes)),
        tiles);
    for (const Tile& tile : tiles) most = std::max(most, std::int64_t{tile.channels} * tile.filters());
    slots =
        groups > 1 ? static_cast<int>(tiles.size()) : std::min<int>(threads, static_cast<int>(tiles.size()));
    taps = threads;
  }
  std::int64_t transformed() const { return (x_point + y_point) * kPoints; }
  std::int64_t slot() const { return most * kPoints; }
  std::int64_t workspace() const { return transformed() + slot() * slots + most * kTaps * taps; }

  int rows, columns;  // tiles of an image
  std::int64_t all;   // tiles of all images
  int x_blocks, y_blocks;
  int groups = 0;
  std::int64_t group = 0;                            // tiles of a group
  std::int64_t block = 0, x_point = 0, y_point = 0;  // strides of transformed x and dy
  std::vector<Tile> tiles;
  std::int64_t most = 0;  // weights of a tile
  int slots = 0;          // tiles whose points are kept at a time
  int taps = 0;           // tiles transformed back at a time
};

struct Place {
  int image, row, column;  // first output pixel
};

class Call {
 public:
  Call(const ConvShape& s, const Plan& plan, ConstTensor x, ConstTensor dy, float* dweights, float* workspace)
      : s_(s),
        p_(plan),
        x_(x),
        dy_(dy),
        adder_(s.k, s.c, kTaps, 1, dweights),
        x_points_(workspace),
        y_points_(workspace + plan.x_point * kPoints),
        sums_(workspace + plan.transformed()),
        taps_(sums_ + plan.slot() * plan.slots) {}

  // Blocks of x, then of dy.
  void transform(std::int64_t group, int block) const {
    const std::int64_t first = group * p_.group;
    for (std::int64_t i = 0; i < tiles_of(group); ++i) {
      const Place at = place(first + i);
      if (block < p_.x_blocks) {
        transform_x(at, x_.block(at.image, block), x_points_ + block * p_.block + i * kBlock);
      } else {
        const int y_block = block - p_.x_blocks;
        transform_y(at, dy_.block(at.image, y_block), y_points_ + y_block * p_.block + i * kBlock);
      }
    }
  }

  // Adds the group's products at all points to slot `slot`; the last group's go on into the weights.
  void sum(std::int64_t group, const Tile& tile, std::int64_t slot, int thread) const {
    float* const points = sums_ + slot * p_.slot();
    const std::int64_t size = std::int64_t{tile.channels} * tile.filters();
    if (group == 0) std::fill_n(points, size * kPoints, 0.0f);
    WgradOperands c{};
    c.x_column = c.y_column = kBlock;
    c.y_vector = p_.block;
    c.rows = 1;
    c.columns = static_cast<int>(tiles_of(group));
    c.sums_value = tile.filters();
    c.sums_vector = kBlock;
    const int runs = ceil_div(tile.filter_blocks, simd::kWgradVectors);
    for (int point = 0; point < kPoints; ++point) {
      for (int run = 0; run < runs; ++run) {
        const int first = part(tile.filter_blocks, run, runs);
        c.y = y_points_ + point * p_.y_point + (tile.filter_block + first) * p_.block;
        for (int block = 0; block < tile.channel_blocks(); ++block) {
          c.x = x_points_ + point * p_.x_point + (tile.channel_block + block) * p_.block;
          c.sums = points + point * size + std::int64_t{block} * kBlock * tile.filters() + first * kBlock;
          wgrad_lanes(c, tile.lanes(block), part(tile.filter_blocks, run + 1, runs) - first);
        }
      }
    }
    if (group + 1 == p_.groups) finish(tile, points, taps_ + thread * p_.most * kTaps);
  }

 private:
  std::int64_t tiles_of(std::int64_t group) const { return std::min(p_.group, p_.all - group * p_.group); }

  Place place(std::int64_t tile) const {
    const std::int64_t of_image = std::int64_t{p_.rows} * p_.columns;
    const int inside = static_cast<int>(tile % of_image);
    return {static_cast<int>(tile / of_image), inside / p_.columns * kStep, inside % p_.columns * kStep};
  }

  // kSize x kSize pixels from (top, left), zeros outside of the image.
  template <int kSize>
  static void load_square(const ConstTensor& t, const float* plane, int top, int left, Lanes* square) {
    for (int i = 0; i < kSize; ++i) {
      const int y = top + i;
      for (int j = 0; j < kSize; ++j) {
        const int x = left + j;
        const bool inside = y >= 0 && y < t.h && x >= 0 && x < t.w;
        square[i * kSize + j] = inside ? simd::load(plane + (std::int64_t{y} * t.w + x) * kBlock) : Lanes{};
      }
    }
  }

  void transform_x(const Place& at, const float* plane, float* to) const {
    Lanes square[kPoints], half[kPoints], out[kSide];
    load_square<kSide>(x_, plane, at.row - s_.pad_y, at.column - s_.pad_x, square);
    for (int j = 0; j < kSide; ++j) Gradient::Forward::input(square + j, kSide, half + j, kSide);
    for (int i = 0; i < kSide; ++i) {
      Gradient::Forward::input(half + i * kSide, 1, out, 1);
      for (int j = 0; j < kSide; ++j) simd::store(to + (i * kSide + j) * p_.x_point, out[j]);
    }
  }

  void transform_y(const Place& at, const float* plane, float* to) const {
    Lanes square[kStep * kStep], half[kSide * kStep], out[kSide];
    load_square<kStep>(dy_, plane, at.row, at.column, square);
    for (int j = 0; j < kStep; ++j) Gradient::output(square + j, kStep, half + j, kStep);
    for (int i = 0; i < kSide; ++i) {
      Gradient::output(half + i * kStep, 1, out, 1);
      for (int j = 0; j < kSide; ++j) simd::store(to + (i * kSide + j) * p_.y_point, out[j]);
    }
  }

  // [point][channel][filter] to [channel][tap][filter], and into the weights.
  void finish(const Tile& tile, const float* points, float* taps) const {
    const std::int64_t size = std::int64_t{tile.channels} * tile.filters();
    for (int c = 0; c < tile.channels; ++c) {
      for (int block = 0; block < tile.filter_blocks; ++block) {
        const float* from = points + std::int64_t{c} * tile.filters() + block * kBlock;
        Lanes u[kPoints], half[Gradient::kKernel * kSide], g[Gradient::kKernel];
        for (int i = 0; i < kPoints; ++i) u[i] = simd::load(from + i * size);
        for (int j = 0; j < kSide; ++j) Gradient::kernel(u + j, kSide, half + j, kSide);
        float* to = taps + std::int64_t{c} * kTaps * tile.filters() + block * kBlock;
        for (int i = 0; i < Gradient::kKernel; ++i) {
          Gradient::kernel(half + i * kSide, 1, g, 1);
          for (const Lanes tap : g) {
            simd::store(to, tap);
            to += tile.filters();
          }
        }
      }
    }
    adder_.add(tile, taps);
  }

  const ConvShape& s_;
  const Plan& p_;
  const ConstTensor x_, dy_;
  const Adder adder_;
  float *const x_points_, *const y_points_, *const sums_, *const taps_;
};

}  // namespace

bool winograd_gradient_pays(const ConvShape& s) {
  if (s.kernel_h != 3 || s.kernel_w != 3 || s.stride_y != 1 || s.stride_x != 1 || s.groups != 1) return false;
  if (s.c < kBlock || s.k < kBlock || s.out_h() < 3 || s.out_w() < 3) return false;
  // Vector instructions: products at half a cycle, transforms at one.
  const double tiles = 1.0 * ceil_div(s.out_h(), kStep) * ceil_div(s.out_w(), kStep);
  const double products = 0.5 * s.c * blocks_of(s.k), transforms = 250.0 * (blocks_of(s.c) + blocks_of(s.k));
  const double weights = 100.0 * s.c * blocks_of(s.k);
  return s.n * tiles * (kPoints * products + transforms) + weights <
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
  const Call call(s, plan, x, dy, dweights, workspace);
  const std::int64_t tiles = static_cast<std::int64_t>(plan.tiles.size());
  for (std::int64_t group = 0; group < plan.groups; ++group) {
    parallel_for(plan.x_blocks + plan.y_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) call.transform(group, static_cast<int>(i));
    });
    const int most = static_cast<int>(std::min<std::int64_t>(threads, tiles));
    Tasks tasks(tiles, most);
    parallel_parts(most, [&](int thread, int) {
      for (std::int64_t i; (i = tasks.take(thread)) >= 0;) {
        call.sum(group, plan.tiles[i], plan.groups > 1 ? i : thread, thread);
      }
    });
  }
}

}  // namespace pydarknet
