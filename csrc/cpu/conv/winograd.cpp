// 3x3 convolution in the Winograd domain. Tiles are taken in groups; of each group the input is transformed
// to [plane][channel block][tile], multiplied plane by plane with the packed kernels into
// [panel][point][block][tile], where planes of the same point are summed (with stride 2), and transformed
// back, all within the second-level cache. Packed kernels take 16, 25 or 36 floats of 9, and few tiles wait
// for them. Lazily, the 9 come from memory: those of some channels of a panel are transformed in the cache,
// in 0.6 ns a line, where memory needs 2 to 4, and multiplied at once, for each group again.
#include <algorithm>
#include <array>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_kernels.h"
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
using winograd::Step;
using winograd::StrideTwo;
using winograd::TileGroup;
using winograd::Tiles;
using winograd::UnitStride;

constexpr int kKinds = 4;  // of tiles, TileGroup

constexpr std::int64_t kPieceBytes = 24 << 10;  // of kernels in the first-level cache
// BF16 and tiles above F(2x2): not in a network's first layers, whose kernels cancel most of what they sum.
constexpr int kBf16Channels = 64;
constexpr double kKernelLine = 3.0;  // cycles, to transform and store one in the second-level cache
// Of panels, for each thread that shares a group: each reads all of the transformed input.
constexpr int kBatchesEach = 4;

// Channel blocks [first, last) of a panel.
struct Part {
  int panel, first, last;
};

template <class S>
class WinogradCall {
  using Group = winograd::TileGroup<S>;
  static constexpr std::array<Step, Tiles<S>::kPlanes> kSteps = winograd::steps_of<S>();
  using Asked = std::array<Ahead, 2>;
  static constexpr int kPlanes = Tiles<S>::kPlanes;

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
        streamed_(tiles.kernel_bytes > kCachedBytes) {
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

  // Products and inverse transforms of panels [first, last), with room for the products and for kernels.
  void multiply(const Group& group, int first, int last, const float* v, float* m, float* u) const {
    for (int begin = first; begin < last; begin += t_.chunk) {
      const int end = std::min(last, begin + t_.chunk);
      if (t_.lazy()) {
        multiply_lazily(group, begin, end, v, m, u);
      } else {
        multiply_packed(group, begin, end, v, m);
      }
      for (int kind = 0; kind < kKinds; ++kind) transform_output(group, kind, begin, end, m);
    }
  }

 private:
  // Plane by plane, which all panels read.
  void multiply_packed(const Group& group, int begin, int end, const float* v, float* m) const {
    for (int step = 0; step < kPlanes; ++step) {
      const int tiles = group.count(kSteps[step].product);
      for (int i = begin; i < end && tiles > 0; ++i) {
        const std::int64_t calls = steps_of_kernel(panels_[i].channels, tiles);
        const Asked next{next_kernels(i, step, begin, end, calls), next_input(i, step, begin, end, calls, v)};
        multiply_plane(tiles, {i, 0, panels_[i].channel_blocks()}, kSteps[step], kernels_of(i, kSteps[step]),
                       v, m + (i - begin) * t_.m_panel, next);
      }
    }
  }

  // Channels by channels, whose transformed input all panels read.
  void multiply_lazily(const Group& group, int begin, int end, const float* v, float* m, float* u) const {
    const int following = std::min(end, static_cast<int>(panels_.size()) - 1);
    for (int part = 0; part < t_.parts; ++part) {
      const Part after = part + 1 < t_.parts ? part_of(begin, part + 1) : part_of(following, 0);
      for (int i = begin; i < end; ++i) {
        const float* const next = taps_of(i + 1 < end ? part_of(i + 1, part) : after);
        multiply_part(group, part_of(i, part), i == begin && t_.far, next, v, m + (i - begin) * t_.m_panel,
                      u);
      }
    }
  }

  void multiply_part(const Group& group, const Part& part, bool far, const float* next, const float* v,
                     float* m, float* u) const {
    const Panel& panel = panels_[part.panel];
    const int channels = std::min(panel.channels, part.last * kBlock) - part.first * kBlock;
    if (channels == 0) return;  // others have more
    winograd::KernelTransform<S>::transform(panel, taps_of(part), channels, u, t_.u_kernel);
    const std::int64_t taps = std::int64_t{channels} * winograd::kTaps * panel.filters();
    const float* const input = v + (panel.channel_block + part.first) * t_.v_block;
    for (int step = 0; step < kPlanes; ++step) {
      const int tiles = group.count(kSteps[step].product);
      if (tiles == 0) continue;
      const std::int64_t calls = steps_of_kernel(channels, tiles), begin = part_begin(taps, step, kPlanes);
      Asked asked{simd::ahead(next + begin, part_begin(taps, step + 1, kPlanes) - begin, calls), Ahead{v, 0}};
      if (far && step + 1 < kPlanes) {
        asked[1] = simd::ahead(input + kSteps[step + 1].plane * t_.v_plane,
                               (part.last - part.first) * t_.v_block, calls);
      }
      multiply_plane(tiles, part, kSteps[step], u + kSteps[step].kernel * t_.u_kernel, v, m, asked);
    }
  }

  // Of the micro-kernel.
  std::int64_t steps_of_kernel(int channels, int tiles) const {
    return std::int64_t{channels / f_.together} * simd::runs_of(tiles);
  }

  // The panel's share of the channels.
  Part part_of(int panel, int part) const {
    const std::int64_t blocks = panels_[panel].channel_blocks();
    return {panel, static_cast<int>(part_begin(blocks, part, t_.parts)),
            static_cast<int>(part_begin(blocks, part + 1, t_.parts))};
  }
  const float* taps_of(const Part& part) const {
    const Panel& panel = panels_[part.panel];
    return call_.packed +
           (panel.offset + std::int64_t{part.first} * kBlock * panel.filters()) * winograd::kTaps;
  }

  const float* kernels_of(int panel, const Step& step) const {
    return call_.packed +
           f_.floats(panels_[panel].offset * Tiles<S>::kKernels + step.kernel * panels_[panel].size());
  }

  // Wanted after a panel's products in a step, if they have a long way: the next kernels,
  Ahead next_kernels(int panel, int step, int begin, int end, std::int64_t calls) const {
    const int next = panel + 1 < end ? panel + 1 : begin;
    if (next == begin) ++step;
    if (!streamed_ || step == kPlanes) return {call_.packed, 0};
    return simd::ahead(kernels_of(next, kSteps[step]), f_.floats(panels_[next].size()), calls);
  }

  // and the panel's share of the next step's transformed input.
  Ahead next_input(int panel, int step, int begin, int end, std::int64_t calls, const float* v) const {
    if (!t_.far || step + 1 == kPlanes) return {v, 0};
    const std::int64_t first = part_begin(t_.v_plane, panel - begin, end - begin);
    const std::int64_t last = part_begin(t_.v_plane, panel - begin + 1, end - begin);
    return simd::ahead(v + kSteps[step + 1].plane * t_.v_plane + first, last - first, calls);
  }

  void multiply_plane(int tiles, const Part& part, const Step& step, const float* weights, const float* v,
                      float* m, const Asked& asked) const {
    const Panel& panel = panels_[part.panel];
    const Segment* const segments = segments_[panel_segments_[part.panel]].data();
    // Long reductions go in pieces whose kernels stay in the first-level cache for all runs.
    const int count = part.last - part.first;
    const std::int64_t block_bytes = std::int64_t{f_.bytes} * kBlock * panel.filters();
    const int pieces = ceil_div(count * block_bytes, kPieceBytes);
    Product p{};
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = !step.first || part.first > 0;
    p.ahead = asked;
    for (int piece = 0; piece < pieces; ++piece) {
      const int first = static_cast<int>(part_begin(count, piece, pieces));
      p.segments = segments + part.first + first;
      p.count = static_cast<int>(part_begin(count, piece + 1, pieces)) - first;
      p.weights = weights;
      p.x = v + step.plane * t_.v_plane + panel.channel_block * t_.v_block;
      p.y = m + step.product * t_.m_point;
      simd::product_pixels(f_.kernels(), p, tiles, panel.blocks);
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
  using Transform = winograd::KernelTransform<S>;
  static constexpr int M = S::kOutputs;

 public:
  WinogradConvolution(const WeightFormat& format, bool lazy)
      : f_(format),
        lazy_(lazy),
        name_((S::kStride == 2 ? "strided" : "winograd") + std::to_string(M) +
              (lazy ? "_lazy" : format.suffix)) {}
  const char* name() const override { return name_.c_str(); }
  std::string same_bits() const override { return lazy_ ? name_.substr(0, name_.find('_')) : name_; }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape& s) const override {
    const bool fine =
        M == S::kStride + 1 || f_.precision != Precision::kBf16 || s.c / s.groups >= kBf16Channels;
    return fine && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == S::kStride && s.stride_x == S::kStride;
  }
  std::int64_t packed_size(const ConvShape& s) const override {
    return f_.floats(packed_weights(panels_of(s), values()));
  }
  std::int64_t scratch(const ConvShape& s, int threads) const override {
    return tiles_of(s, panels_of(s), threads).scratch(threads);
  }

  // Panel by panel.
  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = panels_of(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* const to = packed + f_.floats(panels[i].offset * values());
        lazy_ ? Transform::pack_taps(panels[i], kernels, to)
              : Transform::pack_points(panels[i], kernels, f_, to);
      }
      simd::end_streams();
    });
  }

  bool does(const ConvShape& s, const ConvTail& tail) const override {
    return !tail.pool || (!tail.add && M % 2 == 0 && s.out_h() % 2 == 0 && s.out_w() % 2 == 0);
  }

  double cost(const ConvShape& s, int threads) const override {
    const std::vector<Panel> panels = panels_of(s);
    const Tiles<S> t = tiles_of(s, panels, threads);
    const double weights = static_cast<double>(packed_weights(panels, 1));
    CostModel model(threads);
    model.product(t.planes() * weights / kBlock / f_.together, t.group);
    // Loads, stores and arithmetic of the transforms, in which a tile passes through the cache twice.
    model.vectors(t.planes() * t.blocks * 5.0);
    model.vectors(t.products() * blocks_of(s.k) * 4.0);
    if (lazy_) model.vectors(t.groups * t.kernel_bytes / (4 * kBlock) * kKernelLine);
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const std::vector<Panel> panels = panels_of(call.shape);
    const int threads = conv_threads(call, *this);
    const Tiles<S> tiles = tiles_of(call.shape, panels, threads);
    const WinogradCall<S> work(call, f_, tiles, panels, x, y);
    const int all_panels = static_cast<int>(panels.size());
    float* const v = call.workspace;
    float* const own = v + tiles.v_size * (tiles.shared ? 1 : threads);
    const auto multiply = [&](const TileGroup<S>& group, int first, int last, const float* input, int part) {
      float* const m = own + part * tiles.own_size();
      work.multiply(group, first, last, input, m, m + tiles.product_size());
    };
    if (!tiles.shared) {
      Tasks groups(tiles.groups, threads);
      parallel_parts(threads, [&](int part, int) {
        for (std::int64_t g; (g = groups.take(part)) >= 0;) {
          const TileGroup<S> group(tiles, static_cast<int>(g));
          work.transform_input(group, 0, tiles.blocks, v + part * tiles.v_size);
          multiply(group, 0, all_panels, v + part * tiles.v_size, part);
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
          multiply(group, static_cast<int>(part_begin(all_panels, static_cast<int>(i), batches)),
                   static_cast<int>(part_begin(all_panels, static_cast<int>(i) + 1, batches)), v, part);
        }
      });
    }
  }

 private:
  // Packed for each channel and filter.
  int values() const { return lazy_ ? winograd::kTaps : Tiles<S>::kKernels; }
  std::vector<Panel> panels_of(const ConvShape& s) const { return conv_panels(s, f_.together); }
  Tiles<S> tiles_of(const ConvShape& s, const std::vector<Panel>& panels, int threads) const {
    return {s, f_, panels, threads, lazy_};
  }

  const WeightFormat& f_;
  const bool lazy_;
  const std::string name_;
};

template <class S>
void add_packed(ConvolutionList& list) {
  static const EveryFormat<WinogradConvolution<S>> all(S::kPairs, false);
  list.insert(list.end(), all.list.begin(), all.list.end());
}
template <class S>
void add_lazy(ConvolutionList& list) {
  static const WinogradConvolution<S> lazy(fp32_format(), true);
  list.push_back(&lazy);
}

}  // namespace

const ConvolutionList& winograd_convolutions() {
  static const ConvolutionList all = [] {
    ConvolutionList list;
    add_packed<UnitStride<2>>(list);
    add_packed<UnitStride<3>>(list);
    add_packed<UnitStride<4>>(list);
    add_packed<StrideTwo<3>>(list);
    add_packed<StrideTwo<4>>(list);
    add_lazy<UnitStride<2>>(list);
    add_lazy<UnitStride<3>>(list);
    add_lazy<UnitStride<4>>(list);
    return list;
  }();
  return all;
}

}  // namespace pydarknet
