// F(4x4, 3x3) for few tiles, which wait for the kernels: nine floats of each come from memory, and never more
// than nine are in a cache (simd/winograd_few.h). Some channels of a block of filters, whose packed kernels
// stay in the first-level cache, are multiplied at all 36 points, a row at a time; the points' sums stay
// there too. For a channel, a vector of filters and four tiles: 144 multiply-adds, 54 operations to transform
// kernels, and 180 loads.
#include "cpu/simd/winograd_few.h"

#include <algorithm>
#include <array>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_input.h"
#include "cpu/conv/winograd_kernels.h"
#include "cpu/conv/winograd_output.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/lib/scratch.h"
#include "cpu/simd/stream.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;
using simd::Mix;

using Scheme = winograd::UnitStride<4>;
using Grid = winograd::TileGrid<Scheme>;

constexpr int kSide = Scheme::kPlanes, kPoints = kSide * kSide;
constexpr std::int64_t kSums = std::int64_t{kPoints} * simd::kFewSlots;  // floats, of a thread
constexpr int kPieceChannels = 64;                                       // that are multiplied together
constexpr double kLoad = 0.6;                                            // cycles
constexpr auto& kScales = simd::MixScales::at;

// Where a row's points lie: two halves of an outer one, and those of a plus and of a minus. Their columns go
// from the packed ones' one end or from the other.
constexpr int kPlace[kSide] = {0, 1, 2, 4, 5, 3};

// Which packed rows make a row of points, and how.
struct Row {
  Mix mix;
  int x, y;
};
constexpr Row kRows[kSide] = {{Mix::kOuter, 0, 2}, {Mix::kPlus, 0, 1},  {Mix::kMinus, 0, 1},
                              {Mix::kPlus, 2, 1},  {Mix::kMinus, 2, 1}, {Mix::kOuter, 2, 0}};

// A group's tiles, where their points lie, and how these are multiplied.
class Group : public winograd::TileGroup<Scheme> {
 public:
  using Offsets = std::array<std::int64_t, kPoints>;

  Group(const Grid& grid, int group) : TileGroup(grid, group) {
    for (int i = 0; i < kPoints; ++i) {
      seen_[place(i)] = count(i);
      scale_[place(i)] = static_cast<float>(kScales[i / kSide] * kScales[i % kSide]);
    }
    for (int kind = 0; kind < winograd::kKinds; ++kind) {
      offsets_[kind] = products(kind, 0);
      for (int i = 0; i < kPoints; ++i) offsets_[kind][i] += place(i) * simd::kFewSlots;
    }
    // From the last row on, whose many operations hide that the taps come from the second-level cache.
    for (int i = kPoints - simd::kFewPoints; i >= 0; i -= simd::kFewPoints) add_step(i);
  }
  // Of a point by its place: how many tiles see it, and what the transformed input is multiplied by.
  int seen(int place) const { return seen_[place]; }
  float scale(int place) const { return scale_[place]; }
  // Where a kind's first tile has its transformed input, and its sums.
  const Offsets& offsets(int kind) const { return offsets_[kind]; }
  const std::vector<simd::FewPoints>& steps() const { return steps_; }

 private:
  static int place(int point) { return point / kSide * kSide + kPlace[point % kSide]; }

  void add_step(int first) {
    const Row& row = kRows[first / kSide];
    const bool back = first % kSide > 0;
    const auto seen = seen_.begin() + first;
    const int tiles = *std::max_element(seen, seen + simd::kFewPoints);
    if (tiles == 0) return;
    steps_.push_back({first, 3 * row.x + 2 * back, 3 * row.y + 2 * back, back ? -1 : 1,
                      simd::few_kernel(row.mix, tiles, seen[0], seen[simd::kFewPoints - simd::kFewHalf])});
  }

  std::array<int, kPoints> seen_;
  std::array<float, kPoints> scale_;
  std::array<Offsets, winograd::kKinds> offsets_;
  std::vector<simd::FewPoints> steps_;
};

// Of one vector of filters, whose taps are `row` floats apart; packed they lie side by side.
void mix_kernel(const float* g, int row, float* packed) {
  Lanes taps[winograd::kTaps];
  PYDARKNET_UNROLL
  for (int i = 0; i < winograd::kTaps; ++i) taps[i] = simd::load(g + i * row);
  PYDARKNET_UNROLL
  for (int i = 0; i < 3; ++i) simd::mix_axis(taps + i, 3);
  PYDARKNET_UNROLL
  for (int i = 0; i < 3; ++i) simd::mix_axis(taps + 3 * i, 1);
  PYDARKNET_UNROLL
  for (int i = 0; i < winograd::kTaps; ++i) simd::store(packed + i * kBlock, taps[i]);
}

// Floats of one block of a panel's filters.
std::int64_t packed_block(const Panel& panel) {
  return std::int64_t{panel.channels} * winograd::kTaps * kBlock;
}

class FewCall {
 public:
  FewCall(const ConvCall& call, const std::vector<Panel>& panels, const float* x, Tensor y)
      : call_(call),
        end_(call.packed + packed_weights(panels, winograd::kTaps)),
        input_(call_.shape, fp32_format(), x),
        output_(call, y) {}

  // v = B^T d B of the group's tiles in one channel block, scaled; 0 in other slots.
  void transform_input(const Group& group, int block, float* v) const {
    v += std::int64_t{block} * simd::kFewInputs;
    for (int kind = 0; kind < winograd::kKinds; ++kind) {
      if (group.places(kind).empty()) continue;
      input_.run(group.rows(kind), group.columns(kind), group.places(kind), block, v, group.offsets(kind));
    }
    for (int place = 0; place < kPoints; ++place) {
      const float scale = group.scale(place);
      for (int slot = 0; slot < simd::kFewTiles; ++slot, v += kBlock) {
        simd::store(v, slot < group.seen(place) ? scale * simd::load(v) : Lanes{});
      }
    }
  }

  // Products and inverse transforms of one panel, with room for the products of a block.
  void multiply(const Group& group, const Panel& panel, const float* v, float* m) const {
    v += std::int64_t{panel.channel_block} * simd::kFewInputs;
    const PanelBias bias(panel, call_);
    for (int j = 0; j < panel.blocks; ++j) {
      multiply_block(group, panel.channels,
                     call_.packed + panel.offset * winograd::kTaps + j * packed_block(panel), v, m);
      for (int kind = 0; kind < winograd::kKinds; ++kind) {
        if (group.places(kind).empty()) continue;
        output_.run(group.rows(kind), group.columns(kind), group.places(kind), panel.filter_block + j, m,
                    group.offsets(kind), simd::load(bias.values + j * kBlock));
      }
    }
  }

 private:
  // All channels of a block of filters at all points, piece by piece; asks for the next one's kernels.
  void multiply_block(const Group& group, int channels, const float* taps, const float* v, float* m) const {
    for (int first = 0, count; first < channels; first += count) {
      count = std::min(kPieceChannels, channels - first);
      const std::int64_t floats = std::int64_t{count} * winograd::kTaps * kBlock;
      const std::int64_t half = wanted(taps + floats, floats) / 2;
      const std::int64_t steps = std::int64_t{count} * static_cast<int>(group.steps().size());
      const simd::Ahead next = half > 0 ? simd::ahead(taps + floats, half, steps) : simd::Ahead{taps, 0};
      simd::FewProduct p{taps, v, m, count, first > 0, next, half};
      for (const simd::FewPoints& at : group.steps()) at.kernel(at, p);
      taps += floats;
      v += kPieceChannels / kBlock * simd::kFewInputs;
    }
  }

  // Of so many packed floats from `next` on, those that there are.
  std::int64_t wanted(const float* next, std::int64_t floats) const {
    return std::min<std::int64_t>(floats, end_ - next);
  }

  const ConvCall& call_;
  const float* const end_;  // of the packed kernels
  const winograd::InputTransform<Scheme> input_;
  const winograd::OutputTransform<Scheme> output_;
};

class FewTiles : public CpuConvolution {
 public:
  const char* name() const override { return "winograd4_few"; }
  bool supports(const ConvShape& s) const override {
    return s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == 1 && s.stride_x == 1;
  }
  std::int64_t packed_size(const ConvShape& s) const override {
    return packed_weights(conv_panels(s), winograd::kTaps);
  }
  std::int64_t scratch(const ConvShape& s, int threads) const override {
    const std::int64_t inputs = inputs_of(s);
    const bool own = threads <= winograd::kOwnInputs;
    return Scratch<float>::size(own ? 0 : inputs, kSums + (own ? inputs : 0), threads);
  }

  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = conv_panels(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) pack_panel(panels[i], kernels, packed);
      simd::end_streams();
    });
  }

  bool does(const ConvShape& s, const ConvTail& tail) const override {
    return !tail.pool || (!tail.add && s.out_h() % 2 == 0 && s.out_w() % 2 == 0);
  }

  // Loads decide: of transformed input, and at each step of six packed floats and what is asked for.
  double cost(const ConvShape& s, int threads) const override {
    const Grid grid = grid_of(s);
    const double weights = static_cast<double>(packed_weights(conv_panels(s), 1));
    const double groups = ceil_div(grid.all, grid.group);
    CostModel model(threads);
    const double slots = points_of(grid.rows) * points_of(grid.columns) * grid.images();
    model.vectors((slots + groups * kPoints / simd::kFewPoints * 7) * weights / kBlock * kLoad);
    model.vectors(grid.planes() * blocks_of(s.c) * 7.0);
    model.vectors(grid.products() * blocks_of(s.k) * 4.0);
    model.weights(static_cast<std::int64_t>(groups) * packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const std::vector<Panel> panels = conv_panels(call.shape);
    const Grid grid = grid_of(call.shape);
    const FewCall work(call, panels, x, y);
    const int threads = conv_threads(call, *this), blocks = blocks_of(call.shape.c);
    const bool own = threads <= winograd::kOwnInputs;
    const Scratch<float> scratch(call.workspace, call.workspace_floats, own ? 0 : inputs_of(call.shape),
                                 threads);
    const int parts = std::min<int>(threads, static_cast<int>(panels.size()));
    for (int first = 0, g = 0; first < grid.all; first += grid.group, ++g) {
      const Group group(grid, g);
      const auto transform = [&](std::int64_t begin, std::int64_t end, float* v) {
        for (std::int64_t i = begin; i < end; ++i) work.transform_input(group, static_cast<int>(i), v);
      };
      if (!own) {
        parallel_for(blocks, 1,
                     [&](std::int64_t begin, std::int64_t end) { transform(begin, end, scratch.common()); });
      }
      Tasks tasks(static_cast<std::int64_t>(panels.size()), parts);
      parallel_parts(parts, [&](int part, int) {
        float* const m = scratch.own(part);
        float* const v = own ? m + kSums : scratch.common();
        if (own) transform(0, blocks, v);
        for (std::int64_t i; (i = tasks.take(part)) >= 0;) work.multiply(group, panels[i], v, m);
      });
    }
  }

 private:
  // Floats of a group's transformed input.
  static std::int64_t inputs_of(const ConvShape& s) {
    return std::int64_t{blocks_of(s.c)} * simd::kFewInputs;
  }

  static Grid grid_of(const ConvShape& s) {
    Grid grid(s, 1);
    grid.group = ceil_div(grid.all, ceil_div(grid.all, simd::kFewTiles));
    return grid;
  }

  // Of an axis' tiles, those that are multiplied.
  static double points_of(const winograd::TiledAxis<Scheme>& axis) {
    return axis.edge == 3 ? axis.planes() : axis.tiles() * kSide;
  }

  static void pack_panel(const Panel& panel, const Kernels& kernels, float* packed) {
    constexpr int kKernel = winograd::kTaps * kBlock;
    float* const to = packed + panel.offset * winograd::kTaps;
    winograd::KernelTransform<Scheme>::each_few(panel, kernels, [&](int first, int channels, const float* g) {
      for (int c = 0; c < channels; ++c, g += winograd::kTaps * panel.filters()) {
        for (int j = 0; j < panel.blocks; ++j) {
          alignas(sizeof(Lanes)) float kernel[kKernel];
          mix_kernel(g + j * kBlock, panel.filters(), kernel);
          simd::stream(to + j * packed_block(panel) + std::int64_t{first + c} * kKernel, kernel, kKernel);
        }
      }
    });
  }
};

}  // namespace

const CpuConvolution& winograd_few_convolution() {
  static const FewTiles few;
  return few;
}

}  // namespace pydarknet
