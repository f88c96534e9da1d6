// 3x3 convolution with stride 1 in the Winograd domain. Tiles are taken in groups; of each group the input
// is transformed to [point][channel block][tile], multiplied point by point with the packed kernels into
// [panel][point][block][tile], and transformed back, all within the second-level cache.
#include "shared/winograd.h"

#include <algorithm>
#include <array>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/conv/winograd_transforms.h"
#include "cpu/simd/microkernel.h"
#include "cpu/simd/stream.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Ahead;
using simd::Lanes;
using simd::Product;
using simd::Segment;

using winograd::kCachedBytes;
using winograd::TileGroup;
using winograd::Tiles;

constexpr int kKinds = 4;  // of tiles, TileGroup

constexpr std::int64_t kPartBytes = 24 << 10;  // of kernels in the first-level cache
// BF16 and tiles above F(2x2): not in a network's first layers, whose kernels cancel most of what they sum.
constexpr int kBf16Channels = 64;
constexpr int kPackChannels = 8;  // packed together
// Of panels, for each thread that shares a group: each reads all of the transformed input.
constexpr int kBatchesEach = 4;

template <int M>
class WinogradCall {
  using Group = winograd::TileGroup<M>;
  static constexpr int kTile = Winograd<M>::kTile, kPoints = kTile * kTile;

 public:
  WinogradCall(const ConvCall& call, const WeightFormat& format, const Tiles<M>& tiles,
               const std::vector<Panel>& panels, const float* x, Tensor y)
      : call_(call),
        s_(call.shape),
        f_(format),
        t_(tiles),
        panels_(panels),
        input_(s_, format, x),
        output_(call, y),
        streamed_(4 * f_.floats(packed_weights(panels, kPoints)) > kCachedBytes) {
    for (const Panel& panel : panels) {
      if (segments_.empty() || panel.channels != panels[panel_segments_.size() - 1].channels) {
        segments_.emplace_back();
        for (int c = 0; c < panel.channel_blocks(); ++c) {
          segments_.back().push_back({c * tiles.v_block, panel.lanes(c) / format.together});
        }
      }
      panel_segments_.push_back(static_cast<int>(segments_.size()) - 1);
    }
  }

  // v = B^T d B of the group's tiles in channel blocks [first, last).
  void transform_input(const Group& group, int first, int last, float* v) const {
    for (int kind = 0; kind < kKinds; ++kind) {
      if (group.places(kind).empty()) continue;
      const auto offsets = group.offsets(kind, t_.v_point, f_.pitch());
      for (int block = first; block < last; ++block) {
        input_.run(group.rows(kind), group.columns(kind), group.places(kind), block, v + block * t_.v_block,
                   offsets);
      }
    }
  }

  // Products and inverse transforms of panels [first, last).
  void multiply(const Group& group, int first, int last, const float* v, float* m) const {
    for (int begin = first; begin < last; begin += t_.chunk) {
      const int end = std::min(last, begin + t_.chunk);
      for (int point = 0; point < kPoints; ++point) {
        const int tiles = group.count(point);
        for (int i = begin; i < end && tiles > 0; ++i) {
          const std::int64_t steps = std::int64_t{panels_[i].channels / f_.together} * simd::runs_of(tiles);
          const std::array<Ahead, 2> next{next_kernels(i, point, begin, end, steps),
                                          next_input(i, point, begin, end, steps, v)};
          multiply_point(tiles, i, point, v, m + (i - begin) * t_.m_panel, next);
        }
      }
      for (int kind = 0; kind < kKinds; ++kind) transform_output(group, kind, begin, end, m);
    }
  }

 private:
  const float* kernels_of(int panel, int point) const {
    return call_.packed + f_.floats(panels_[panel].offset * kPoints + point * panels_[panel].size());
  }

  // Wanted after a panel's products at a point, if they have a long way: the next kernels,
  Ahead next_kernels(int panel, int point, int begin, int end, std::int64_t steps) const {
    const int next = panel + 1 < end ? panel + 1 : begin;
    if (next == begin) ++point;
    if (!streamed_ || point == kPoints) return {call_.packed, 0};
    return simd::ahead(kernels_of(next, point), f_.floats(panels_[next].size()), steps);
  }

  // and the panel's share of the next point's transformed input.
  Ahead next_input(int panel, int point, int begin, int end, std::int64_t steps, const float* v) const {
    if (!t_.far || point + 1 == kPoints) return {v, 0};
    const std::int64_t first = part_begin(t_.v_point, panel - begin, end - begin);
    const std::int64_t last = part_begin(t_.v_point, panel - begin + 1, end - begin);
    return simd::ahead(v + (point + 1) * t_.v_point + first, last - first, steps);
  }

  void multiply_point(int tiles, int index, int point, const float* v, float* m,
                      const std::array<Ahead, 2>& next) const {
    const Panel& panel = panels_[index];
    const std::vector<Segment>& segments = segments_[panel_segments_[index]];
    // Long reductions go in parts whose kernels stay in the first-level cache for all runs.
    const int count = static_cast<int>(segments.size());
    const int parts = ceil_div(f_.bytes * panel.size(), kPartBytes);
    Product p{};
    const float* weights = kernels_of(index, point);
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.ahead = next;
    for (int part = 0; part < parts; ++part) {
      const int first = static_cast<int>(part_begin(count, part, parts));
      p.segments = segments.data() + first;
      p.count = static_cast<int>(part_begin(count, part + 1, parts)) - first;
      p.weights = weights;
      p.x = v + point * t_.v_point + panel.channel_block * t_.v_block;
      p.y = m + point * t_.m_point;
      simd::product_pixels(*f_.kernels, p, tiles, panel.blocks);
      weights += f_.floats(std::int64_t{p.count} * kBlock * panel.filters());
      p.accumulate = true;
    }
  }

  // y of the group's tiles of one kind, from the products of panels [begin, end).
  void transform_output(const Group& group, int kind, int begin, int end, const float* m) const {
    if (group.places(kind).empty()) return;
    const auto offsets = group.offsets(kind, t_.m_point, kBlock);
    for (int i = begin; i < end; ++i, m += t_.m_panel) {
      const PanelBias bias(panels_[i], call_);
      for (int j = 0; j < panels_[i].blocks; ++j) {
        output_.run(group.rows(kind), group.columns(kind), group.places(kind), panels_[i].filter_block + j,
                    m + j * t_.m_block, offsets, simd::load(bias.values + j * kBlock));
      }
    }
  }

  const ConvCall& call_;
  const ConvShape& s_;
  const WeightFormat& f_;
  const Tiles<M>& t_;
  const std::vector<Panel>& panels_;
  const winograd::InputTransform<M> input_;
  const winograd::OutputTransform<M> output_;
  const bool streamed_;  // kernels come from memory
  std::vector<std::vector<Segment>> segments_;
  std::vector<int> panel_segments_;  // of each panel, its list in segments_
};

template <int M>
class WinogradConvolution : public CpuConvolution {
  using Transform = Winograd<M>;
  static constexpr int kTile = Transform::kTile, kPoints = kTile * kTile;

 public:
  explicit WinogradConvolution(const WeightFormat& format)
      : f_(format), name_("winograd" + std::to_string(M) + format.suffix) {}
  const char* name() const override { return name_.c_str(); }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape& s) const override {
    const bool fine = M == 2 || f_.precision != Precision::kBf16 || s.c / s.groups >= kBf16Channels;
    return fine && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == 1 && s.stride_x == 1;
  }
  std::int64_t packed_size(const ConvShape& s) const override {
    return f_.floats(packed_weights(panels_of(s), kPoints));
  }
  std::int64_t scratch(const ConvShape& s, int threads) const override {
    return Tiles<M>(s, f_, panels_of(s), threads).scratch(threads);
  }

  // [panel][point][channel][filter]
  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = panels_of(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (int c = 0; c < panels[i].channels; c += kPackChannels) {
          pack_channels(panels[i], kernels, c, packed + f_.floats(panels[i].offset * kPoints));
        }
      }
      simd::end_streams();
    });
  }

  bool does(const ConvShape& s, const ConvTail& tail) const override {
    return !tail.pool || (!tail.add && M % 2 == 0 && s.out_h() % 2 == 0 && s.out_w() % 2 == 0);
  }

  double cost(const ConvShape& s, int threads) const override {
    const std::vector<Panel> panels = panels_of(s);
    const Tiles<M> t(s, f_, panels, threads);
    const double products = t.products(), packed = static_cast<double>(packed_weights(panels, kPoints));
    CostModel model(threads);
    model.product(products * packed / kPoints / kBlock / f_.together, t.group);
    // Loads, stores and arithmetic of the transforms, in which a tile passes through the cache twice.
    model.vectors(products * t.blocks * 5.0);
    model.vectors(products * blocks_of(s.k) * 4.0);
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const std::vector<Panel> panels = panels_of(call.shape);
    const int threads = conv_threads(call, *this);
    const Tiles<M> tiles(call.shape, f_, panels, threads);
    const WinogradCall<M> work(call, f_, tiles, panels, x, y);
    const int all_panels = static_cast<int>(panels.size());
    float* const v = call.workspace;
    float* const m = v + tiles.v_size * (tiles.shared ? 1 : threads);
    if (!tiles.shared) {
      Tasks groups(tiles.groups, threads);
      parallel_parts(threads, [&](int part, int) {
        for (std::int64_t g; (g = groups.take(part)) >= 0;) {
          const TileGroup<M> group(tiles, static_cast<int>(g));
          work.transform_input(group, 0, tiles.blocks, v + part * tiles.v_size);
          work.multiply(group, 0, all_panels, v + part * tiles.v_size, m + part * tiles.product_size());
        }
      });
      return;
    }
    for (int g = 0; g < tiles.groups; ++g) {
      const TileGroup<M> group(tiles, g);
      parallel_for(tiles.blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        work.transform_input(group, static_cast<int>(begin), static_cast<int>(end), v);
      });
      const int batches = std::min(all_panels, threads * kBatchesEach), parts = std::min(threads, batches);
      Tasks tasks(batches, parts);
      parallel_parts(parts, [&](int part, int) {
        for (std::int64_t i; (i = tasks.take(part)) >= 0;) {
          work.multiply(group, static_cast<int>(part_begin(all_panels, static_cast<int>(i), batches)),
                        static_cast<int>(part_begin(all_panels, static_cast<int>(i) + 1, batches)), v,
                        m + part * tiles.product_size());
        }
      });
    }
  }

 private:
  // Channels from `first` on, all points of them together: points lie powers of two apart, and only so many
  // of their lines fit in the first-level cache.
  void pack_channels(const Panel& panel, const Kernels& kernels, int first, float* packed) const {
    const int channels = std::min(kPackChannels, panel.channels - first), row = panel.filters();
    constexpr int kPoint = kPackChannels * simd::kPanelBlocks * kBlock + kLine;
    float u[kPoints * kPoint];
    for (int j = 0; j < panel.blocks; ++j) {
      Lanes g[kPackChannels * 9] = {};
      kernels.each((panel.filter_block + j) * kBlock, panel.channel_block * kBlock + first,
                   std::min(channels, panel.given - first),
                   [&](int c, int tap, Lanes filters) { g[c * 9 + tap] = filters; });
      for (int c = 0; c < channels; ++c) kernel_tile(g + c * 9, u + c * row + j * kBlock, kPoint);
    }
    for (int point = 0; point < kPoints; ++point) {
      float* const to = packed + f_.floats(point * panel.size() + std::int64_t{first} * row);
      float* const from = u + point * kPoint;
      if (&f_ != &fp32_format()) f_.narrow(from, channels, row, from);
      simd::stream(to, from, f_.floats(channels * row));
    }
  }

  std::vector<Panel> panels_of(const ConvShape& s) const { return conv_panels(s, f_.together); }

  // u = G g G^T.
  static void kernel_tile(const Lanes* g, float* u, int point) {
    Lanes half[3 * kTile];
    for (int j = 0; j < 3; ++j) Transform::kernel(g + j, 3, half + j, 3);
    for (int i = 0; i < kTile; ++i) {
      Lanes out[kTile];
      Transform::kernel(half + i * 3, 1, out, 1);
      for (int j = 0; j < kTile; ++j) simd::store(u + (i * kTile + j) * point, out[j]);
    }
  }

  const WeightFormat& f_;
  const std::string name_;
};

}  // namespace

const ConvolutionList& winograd2_convolutions() {
  static const EveryFormat<WinogradConvolution<2>> all;
  return all.list;
}

const ConvolutionList& winograd3_convolutions() {
  static const EveryFormat<WinogradConvolution<3>> all;
  return all.list;
}

// Not of BF16: these transforms make 4.8 of one rounding, and boxes would move by more than a percent.
const ConvolutionList& winograd4_convolutions() {
  static const EveryFormat<WinogradConvolution<4>> all(false);
  return all.list;
}

}  // namespace pydarknet
