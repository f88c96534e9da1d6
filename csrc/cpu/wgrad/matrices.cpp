// Gradients of dense kernels with stride 1 by matrix registers, in BF16: at each tap the sum of outer
// products over all pixels. The rest of a layer's factors and sums are as cpu/wgrad/wgrad.cpp has them.
#include "cpu/wgrad/matrices.h"

#include <algorithm>
#include <cmath>

#include "cpu/simd/amx.h"
#include "cpu/wgrad/matrix_factors.h"
#include "cpu/wgrad/tiles.h"

namespace pydarknet {
namespace {

using namespace weight_gradient;

constexpr int kRunSteps = 10;                    // of a run, whose factors stay in the first-level cache
constexpr std::int64_t kOwnBytes = 640 << 10;    // of one thread's factors, in the second-level cache
constexpr std::int64_t kFewBytes = 320 << 10;    // of all sums, beside them
constexpr std::int64_t kSumBytes = 600 << 10;    // of a tile's sums
constexpr std::int64_t kSharedBytes = 16 << 20;  // of the factors that threads share
constexpr int kTasks = 16;                       // wanted at least, for the threads of larger machines
constexpr int kSplitSteps = 64;                  // at least, to make up for adding a split's sums

// How pixels and weights are cut. Few weights: the pixels in splits with sums of their own, for the threads,
// each in stretches. Many weights: tiles of them for the threads, and stretches that all threads write. What
// is summed in which order depends on the shape alone.
struct Plan {
  Plan(const ConvShape& s, int threads)
      : line(s), x_blocks(blocks_of(s.c)), y_blocks(blocks_of(s.k)), taps(s.taps()) {
    const std::int64_t all = std::int64_t{x_blocks} * y_blocks * taps, kept = all * simd::kRegisterBytes;
    own = kept <= kFewBytes;
    splits = own ? std::clamp(line.steps / kSplitSteps, 1, kTasks) : 1;
    const std::int64_t bytes = own ? kOwnBytes : std::max(kSharedBytes, kept);
    const int share = ceil_div(line.steps, splits);
    alignments = line.beyond > 0 ? 2 : 1;
    const std::int64_t step_bytes = std::int64_t{alignments * x_blocks + y_blocks} * simd::kRegisterBytes;
    stretches = ceil_div(share, std::clamp<std::int64_t>(bytes / step_bytes, 1, share));
    stretch = ceil_div(share, stretches);
    cut_weights(s, all);
    workers = static_cast<int>(std::min<std::int64_t>(threads, own ? splits : tiles.size()));
    slots = own ? splits : stretches > 1 ? static_cast<int>(tiles.size()) : workers;
  }

  Stretch stretch_at(std::int64_t begin, std::int64_t end, float* at) const {
    Stretch made{begin,      static_cast<int>(end - begin),       static_cast<int>(end - begin) + line.beyond,
                 alignments, reinterpret_cast<std::uint8_t*>(at), nullptr};
    made.y = made.x + x_blocks * made.x_block();
    return made;
  }
  std::int64_t factors() const {
    const Stretch longest = stretch_at(0, stretch, nullptr);
    return (x_blocks * longest.x_block() + y_blocks * longest.y_block()) / 4;
  }
  std::int64_t workspace() const { return factors() * (own ? workers : 1) + most * slots; }

  PixelLine line;
  int x_blocks, y_blocks, taps;
  bool own;
  int splits, stretches;  // of all pixels; of a split
  int stretch;            // steps of the longest
  int alignments;         // of x, see there
  std::vector<Tile> tiles;
  std::int64_t most = 0;  // sums of the largest
  int workers;            // threads that have sums, or factors, of their own
  int slots;              // of so many sums

 private:
  void cut_weights(const ConvShape& s, std::int64_t all) {
    const std::int64_t largest = kSumBytes / simd::kRegisterBytes;
    const std::int64_t squares = own ? all : std::min(largest, all / kTasks) / taps;  // of kBlock x kBlock
    const int side = std::max(1, static_cast<int>(std::sqrt(static_cast<double>(squares))));
    const int filters = own ? y_blocks : std::min(y_blocks, (side + 1) / 2 * 2);
    const int channels = own ? x_blocks : std::max(1, static_cast<int>(squares / filters));
    cut({0, y_blocks, 0, s.c}, filters, channels, tiles);
    for (const Tile& tile : tiles) {
      most = std::max(most,
                      std::int64_t{tile.filter_blocks} * tile.channel_blocks() * taps * simd::kRegisterSums);
    }
  }
};

template <class Matrices>
class Call {
 public:
  Call(const ConvShape& s, const Plan& plan, ConstTensor x, ConstTensor dy, float* dweights, float* workspace)
      : s_(s),
        p_(plan),
        x_(x),
        dy_(dy),
        adder_(s.k, s.c, s.taps(), 1, dweights),
        workspace_(workspace),
        sums_(workspace + plan.factors() * (plan.own ? plan.workers : 1)) {
    for (int y = 0; y < s.kernel_h; ++y) {
      for (int x0 = 0; x0 < s.kernel_w; ++x0) taps_.push_back(plan.line.at(y, x0));
    }
  }

  // Every split by itself, then the sum of them.
  void by_pixels() const {
    const Tile& tile = p_.tiles[0];
    Tasks tasks(p_.splits, p_.workers);
    parallel_parts(p_.workers, [&](int worker, int) {
      Matrices m(simd::wgrad_shapes());
      for (std::int64_t task; (task = tasks.take(worker)) >= 0;) {
        const int split = static_cast<int>(task);
        const std::int64_t begin = part_begin(p_.line.steps, split, p_.splits),
                           end = part_begin(p_.line.steps, split + 1, p_.splits);
        for (int i = 0; i < p_.stretches; ++i) {
          const Stretch stretch = p_.stretch_at(begin + part_begin(end - begin, i, p_.stretches),
                                                begin + part_begin(end - begin, i + 1, p_.stretches),
                                                workspace_ + p_.factors() * worker);
          for (int block = 0; block < p_.x_blocks + p_.y_blocks; ++block) write(stretch, block);
          multiply(m, stretch, tile, i == 0, sums_ + p_.most * split);
        }
      }
    });
    for (int split = 1; split < p_.splits; ++split) {
      const float* const more = sums_ + p_.most * split;
      for (std::int64_t i = 0; i < p_.most; ++i) sums_[i] += more[i];
    }
    add(tile, sums_);
  }

  // The tiles of weights by themselves.
  void by_weights() const {
    for (int i = 0; i < p_.stretches; ++i) {
      const Stretch stretch = p_.stretch_at(part_begin(p_.line.steps, i, p_.stretches),
                                            part_begin(p_.line.steps, i + 1, p_.stretches), workspace_);
      parallel_for(p_.x_blocks + p_.y_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) write(stretch, static_cast<int>(block));
      });
      Tasks tasks(static_cast<std::int64_t>(p_.tiles.size()), p_.workers);
      parallel_parts(p_.workers, [&](int worker, int) {
        Matrices m(simd::wgrad_shapes());
        for (std::int64_t j; (j = tasks.take(worker)) >= 0;) {
          float* const sums = sums_ + p_.most * (p_.stretches > 1 ? j : worker);
          multiply(m, stretch, p_.tiles[j], i == 0, sums);
          if (i + 1 == p_.stretches) add(p_.tiles[j], sums);
        }
      });
    }
  }

 private:
  // One of the blocks of x, and after them of dy.
  void write(const Stretch& stretch, int block) const {
    if (block < p_.x_blocks) {
      stretch.write_x(s_, p_.line, x_, block);
    } else {
      stretch.write_y(p_.line, dy_, block - p_.x_blocks);
    }
  }

  // sums[filter block][channel block][tap] of the tile grow, or start if `fresh`.
  void multiply(Matrices& m, const Stretch& stretch, const Tile& tile, bool fresh, float* sums) const {
    const int columns = tile.channel_blocks() * p_.taps, runs = ceil_div(stretch.steps, kRunSteps);
    simd::MatrixWgrad c{};
    for (int run = 0; run < runs; ++run) {
      const int begin = part(stretch.steps, run, runs);
      const std::ptrdiff_t at = std::ptrdiff_t{begin} * simd::kRegisterBytes;
      c.steps = part(stretch.steps, run + 1, runs) - begin;
      c.fresh = fresh && run == 0;
      for (int filter = 0; filter < tile.filter_blocks; filter += simd::kWgradTiles) {
        const int filters = std::min(simd::kWgradTiles, tile.filter_blocks - filter);
        for (int i = 0; i < filters; ++i) {
          c.y[i] = stretch.y + (tile.filter_block + filter + i) * stretch.y_block() + at;
        }
        for (int column = 0; column < columns; column += simd::kWgradTiles) {
          const int together = std::min(simd::kWgradTiles, columns - column);
          for (int j = 0; j < together; ++j) {
            const int block = tile.channel_block + (column + j) / p_.taps;
            c.x[j] = stretch.x + block * stretch.x_block() + stretch.tap(taps_[(column + j) % p_.taps]) + at;
            for (int i = 0; i < filters; ++i) {
              c.sums[i][j] = sums + (std::int64_t{filter + i} * columns + column + j) * simd::kRegisterSums;
            }
          }
          run_kernel(m, c, filters, together);
        }
      }
    }
  }

  static void run_kernel(Matrices& m, const simd::MatrixWgrad& c, int filters, int columns) {
    if (filters == 1) {
      columns == 1 ? simd::matrix_wgrad<Matrices, 1, 1>(m, c) : simd::matrix_wgrad<Matrices, 1, 2>(m, c);
    } else {
      columns == 1 ? simd::matrix_wgrad<Matrices, 2, 1>(m, c) : simd::matrix_wgrad<Matrices, 2, 2>(m, c);
    }
  }

  void add(const Tile& tile, float* sums) const {
    const std::int64_t floats =
        std::int64_t{tile.channel_blocks()} * p_.taps * simd::kRegisterSums;  // of a filter block
    for (std::int64_t i = 0; i < tile.filter_blocks * floats; i += simd::kRegisterSums) turn(sums + i);
    adder_.add_blocks(tile, [&](int block) { return SumRows(sums + block * floats, p_.taps); });
  }

  // [filter][channel] becomes [channel][filter].
  static void turn(float* sums) {
    simd::Lanes rows[kBlock];
    for (int i = 0; i < kBlock; ++i) rows[i] = simd::load(sums + i * kBlock);
    simd::transpose(rows);
    for (int i = 0; i < kBlock; ++i) simd::store(sums + i * kBlock, rows[i]);
  }

  // The sums of each channel and tap, one after the other.
  class SumRows {
   public:
    SumRows(const float* sums, int taps) : at_(sums), taps_(taps) {}
    const float* next() {
      const float* const row = at_ + std::int64_t{tap_} * simd::kRegisterSums + channel_ * kBlock;
      if (++tap_ == taps_) {
        tap_ = 0;
        if (++channel_ == kBlock) channel_ = 0, at_ += std::int64_t{taps_} * simd::kRegisterSums;
      }
      return row;
    }

   private:
    const float* at_;
    int taps_, tap_ = 0, channel_ = 0;
  };

  const ConvShape& s_;
  const Plan& p_;
  const ConstTensor x_, dy_;
  const Adder adder_;
  float *const workspace_, *const sums_;
  std::vector<std::int64_t> taps_;  // distances from a pixel to what it meets
};

template <class Matrices>
void sum(const ConvShape& s, const Plan& plan, ConstTensor x, ConstTensor dy, float* dweights,
         float* workspace) {
  const Call<Matrices> call(s, plan, x, dy, dweights, workspace);
  plan.own ? call.by_pixels() : call.by_weights();
}

}  // namespace

bool matrix_gradient_pays(const ConvShape& s) {
  return simd::multiplier() != simd::Multiplier::kVectors && wgrad_pairs(s) && s.groups == 1 &&
         s.stride_y == 1 && s.stride_x == 1 && s.pad_y < s.kernel_h && s.pad_x < s.kernel_w;
}

std::int64_t matrix_gradient_workspace(const ConvShape& s, int threads) {
  return Plan(s, threads).workspace();
}

void matrix_gradient(const ConvShape& s, ConstTensor x, ConstTensor dy, float* dweights, float* workspace,
                     std::int64_t workspace_floats) {
  int threads = num_threads();
  while (threads > 1 && Plan(s, threads).workspace() > workspace_floats) --threads;
  const Plan plan(s, threads);
#if defined(__AVX512F__)
  if (simd::multiplier() == simd::Multiplier::kAmx) {
    return sum<simd::Amx>(s, plan, x, dy, dweights, workspace);
  }
#endif
  sum<simd::PlainMatrices>(s, plan, x, dy, dweights, workspace);
}

}  // namespace pydarknet
