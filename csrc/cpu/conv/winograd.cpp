// 3x3 convolution in the Winograd domain. Tiles are taken in groups; of each group the input is transformed
// to [plane][channel block][tile], multiplied plane by plane with the packed kernels into
// [panel][point][block][tile], where planes of the same point are summed (with stride 2), and transformed
// back, all within the second-level cache.
#include <algorithm>
#include <array>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_strided.h"
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
using winograd::StrideTwo;
using winograd::TileGroup;
using winograd::Tiles;
using winograd::UnitStride;

constexpr int kKinds = 4;  // of tiles, TileGroup

constexpr std::int64_t kPartBytes = 24 << 10;  // of kernels in the first-level cache
// BF16 and tiles above F(2x2): not in a network's first layers, whose kernels cancel most of what they sum.
constexpr int kBf16Channels = 64;
constexpr int kPackChannels = 8;  // packed together
// Of panels, for each thread that shares a group: each reads all of the transformed input.
constexpr int kBatchesEach = 4;

// One plane's products: where they are summed, by which of a panel's kernels, whether they are the first
// there.
struct Step {
  int plane, product, kernel;
  bool first;
};

// All of a scheme's, product by product.
template <class S>
constexpr std::array<Step, Tiles<S>::kPlanes> steps_of() {
  std::array<Step, Tiles<S>::kPlanes> steps{};
  int count = 0;
  for (int product = 0; product < Tiles<S>::kProducts; ++product) {
    bool first = true;
    for (int plane = 0; plane < Tiles<S>::kPlanes; ++plane) {
      const int i = plane / S::kPlanes, j = plane % S::kPlanes;
      if (S::product(i) * S::kProducts + S::product(j) != product) continue;
      steps[count++] = {plane, product, S::kernel(i) * S::kKernels + S::kernel(j), first};
      first = false;
    }
  }
  return steps;
}

template <class S>
class WinogradCall {
  using Group = winograd::TileGroup<S>;
  static constexpr std::array<Step, Tiles<S>::kPlanes> kSteps = steps_of<S>();
  static constexpr int kKernels = Tiles<S>::kKernels;

 public:
  WinogradCall(const ConvCall& call, const WeightFormat& format, const Tiles<S>& tiles,
               const std::vector<Panel>& panels, const float* x, Tensor y)
      : call_(call),
        s_(call.shape),
        f_(format),
        t_(tiles),
        panels_(panels),
        input_(s_, format, x),
        output_(call, y),
        streamed_(4 * f_.floats(packed_weights(panels, kKernels)) > kCachedBytes) {
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
      const auto offsets = group.planes(kind, t_.v_plane, f_.pitch());
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
      for (int step = 0; step < Tiles<S>::kPlanes; ++step) {
        const int tiles = group.count(kSteps[step].product);
        for (int i = begin; i < end && tiles > 0; ++i) {
          const std::int64_t calls = std::int64_t{panels_[i].channels / f_.together} * simd::runs_of(tiles);
          const std::array<Ahead, 2> next{next_kernels(i, step, begin, end, calls),
                                          next_input(i, step, begin, end, calls, v)};
          multiply_plane(tiles, i, kSteps[step], v, m + (i - begin) * t_.m_panel, next);
        }
      }
      for (int kind = 0; kind < kKinds; ++kind) transform_output(group, kind, begin, end, m);
    }
  }

 private:
  const float* kernels_of(int panel, const Step& step) const {
    return call_.packed + f_.floats(panels_[panel].offset * kKernels + step.kernel * panels_[panel].size());
  }

  // Wanted after a panel's products in a step, if they have a long way: the next kernels,
  Ahead next_kernels(int panel, int step, int begin, int end, std::int64_t calls) const {
    const int next = panel + 1 < end ? panel + 1 : begin;
    if (next == begin) ++step;
    if (!streamed_ || step == Tiles<S>::kPlanes) return {call_.packed, 0};
    return simd::ahead(kernels_of(next, kSteps[step]), f_.floats(panels_[next].size()), calls);
  }

  // and the panel's share of the next step's transformed input.
  Ahead next_input(int panel, int step, int begin, int end, std::int64_t calls, const float* v) const {
    if (!t_.far || step + 1 == Tiles<S>::kPlanes) return {v, 0};
    const std::int64_t first = part_begin(t_.v_plane, panel - begin, end - begin);
    const std::int64_t last = part_begin(t_.v_plane, panel - begin + 1, end - begin);
    return simd::ahead(v + kSteps[step + 1].plane * t_.v_plane + first, last - first, calls);
  }

  void multiply_plane(int tiles, int index, const Step& step, const float* v, float* m,
                      const std::array<Ahead, 2>& next) const {
    const Panel& panel = panels_[index];
    const std::vector<Segment>& segments = segments_[panel_segments_[index]];
    // Long reductions go in parts whose kernels stay in the first-level cache for all runs.
    const int count = static_cast<int>(segments.size());
    const int parts = ceil_div(f_.bytes * panel.size(), kPartBytes);
    Product p{};
    const float* weights = kernels_of(index, step);
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = !step.first;
    p.ahead = next;
    for (int part = 0; part < parts; ++part) {
      const int first = static_cast<int>(part_begin(count, part, parts));
      p.segments = segments.data() + first;
      p.count = static_cast<int>(part_begin(count, part + 1, parts)) - first;
      p.weights = weights;
      p.x = v + step.plane * t_.v_plane + panel.channel_block * t_.v_block;
      p.y = m + step.product * t_.m_point;
      simd::product_pixels(*f_.kernels, p, tiles, panel.blocks);
      weights += f_.floats(std::int64_t{p.count} * kBlock * panel.filters());
      p.accumulate = true;
    }
  }

  // y of the group's tiles of one kind, from the products of panels [begin, end).
  void transform_output(const Group& group, int kind, int begin, int end, const float* m) const {
    if (group.places(kind).empty()) return;
    const auto offsets = group.products(kind, t_.m_point);
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
  const Tiles<S>& t_;
  const std::vector<Panel>& panels_;
  const winograd::InputTransform<S> input_;
  const winograd::OutputTransform<S> output_;
  const bool streamed_;  // kernels come from memory
  std::vector<std::vector<Segment>> segments_;
  std::vector<int> panel_segments_;  // of each panel, its list in segments_
};

template <class S>
class WinogradConvolution : public CpuConvolution {
  static constexpr int M = S::kOutputs, kKernels = Tiles<S>::kKernels;

 public:
  explicit WinogradConvolution(const WeightFormat& format)
      : f_(format), name_((S::kStride == 2 ? "strided" : "winograd") + std::to_string(M) + format.suffix) {}
  const char* name() const override { return name_.c_str(); }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape& s) const override {
    const bool fine =
        M == S::kStride + 1 || f_.precision != Precision::kBf16 || s.c / s.groups >= kBf16Channels;
    return fine && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == S::kStride && s.stride_x == S::kStride;
  }
  std::int64_t packed_size(const ConvShape& s) const override {
    return f_.floats(packed_weights(panels_of(s), kKernels));
  }
  std::int64_t scratch(const ConvShape& s, int threads) const override {
    return Tiles<S>(s, f_, panels_of(s), threads).scratch(threads);
  }

  // [panel][kernel][channel][filter]
  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = panels_of(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        for (int c = 0; c < panels[i].channels; c += kPackChannels) {
          pack_channels(panels[i], kernels, c, packed + f_.floats(panels[i].offset * kKernels));
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
    const Tiles<S> t(s, f_, panels, threads);
    const double weights = static_cast<double>(packed_weights(panels, 1));
    CostModel model(threads);
    model.product(t.planes() * weights / kBlock / f_.together, t.group);
    // Loads, stores and arithmetic of the transforms, in which a tile passes through the cache twice.
    model.vectors(t.planes() * t.blocks * 5.0);
    model.vectors(t.products() * blocks_of(s.k) * 4.0);
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const std::vector<Panel> panels = panels_of(call.shape);
    const int threads = conv_threads(call, *this);
    const Tiles<S> tiles(call.shape, f_, panels, threads);
    const WinogradCall<S> work(call, f_, tiles, panels, x, y);
    const int all_panels = static_cast<int>(panels.size());
    float* const v = call.workspace;
    float* const m = v + tiles.v_size * (tiles.shared ? 1 : threads);
    if (!tiles.shared) {
      Tasks groups(tiles.groups, threads);
      parallel_parts(threads, [&](int part, int) {
        for (std::int64_t g; (g = groups.take(part)) >= 0;) {
          const TileGroup<S> group(tiles, static_cast<int>(g));
          work.transform_input(group, 0, tiles.blocks, v + part * tiles.v_size);
          work.multiply(group, 0, all_panels, v + part * tiles.v_size, m + part * tiles.product_size());
        }
      });
      return;
    }
    for (int g = 0; g < tiles.groups; ++g) {
      const TileGroup<S> group(tiles, g);
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
    float u[kKernels * kPoint];
    for (int j = 0; j < panel.blocks; ++j) {
      Lanes g[kPackChannels * 9] = {};
      kernels.each((panel.filter_block + j) * kBlock, panel.channel_block * kBlock + first,
                   std::min(channels, panel.given - first),
                   [&](int c, int tap, Lanes filters) { g[c * 9 + tap] = filters; });
      for (int c = 0; c < channels; ++c) kernel_tile(g + c * 9, u + c * row + j * kBlock, kPoint);
    }
    for (int point = 0; point < kKernels; ++point) {
      float* const to = packed + f_.floats(point * panel.size() + std::int64_t{first} * row);
      float* const from = u + point * kPoint;
      if (&f_ != &fp32_format()) f_.narrow(from, channels, row, from);
      simd::stream(to, from, f_.floats(channels * row));
    }
  }

  std::vector<Panel> panels_of(const ConvShape& s) const { return conv_panels(s, f_.together); }

  // u = G g G^T.
  static void kernel_tile(const Lanes* g, float* u, int point) {
    using Kernel = typename S::Kernel;
    Lanes half[3 * S::kKernels];
    for (int j = 0; j < 3; ++j) Kernel::kernel(g + j, 3, half + j, 3);
    for (int i = 0; i < S::kKernels; ++i) {
      Lanes out[S::kKernels];
      Kernel::kernel(half + i * 3, 1, out, 1);
      for (int j = 0; j < S::kKernels; ++j) simd::store(u + (i * S::kKernels + j) * point, out[j]);
    }
  }

  const WeightFormat& f_;
  const std::string name_;
};

}  // namespace

const ConvolutionList& winograd2_convolutions() {
  static const EveryFormat<WinogradConvolution<UnitStride<2>>> all;
  return all.list;
}

const ConvolutionList& strided3_convolutions() {
  static const EveryFormat<WinogradConvolution<StrideTwo<3>>> all;
  return all.list;
}

const ConvolutionList& strided4_convolutions() {
  static const EveryFormat<WinogradConvolution<StrideTwo<4>>> all(false);
  return all.list;
}

const ConvolutionList& winograd3_convolutions() {
  static const EveryFormat<WinogradConvolution<UnitStride<3>>> all;
  return all.list;
}

// Not of BF16: these transforms make 4.8 of one rounding, and boxes would move by more than a percent.
const ConvolutionList& winograd4_convolutions() {
  static const EveryFormat<WinogradConvolution<UnitStride<4>>> all(false);
  return all.list;
}

}  // namespace pydarknet
