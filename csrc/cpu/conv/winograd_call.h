// One call of a Winograd convolution: its groups of tiles, from the input's transform to the output's.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_kernels.h"
#include "cpu/conv/winograd_rows.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/conv/winograd_transforms.h"
#include "cpu/simd/microkernel.h"
#include "ops/conv.h"
#include "shared/threads.h"

namespace pydarknet::winograd {

using simd::Ahead;
using simd::Product;
using simd::Segment;

// Of kernels in the first-level cache: all of a point, and all of a row of points.
inline constexpr std::int64_t kPieceBytes = 32 << 10, kRowBytes = 24 << 10;

// Channel blocks [first, last) of a panel.
struct Part {
  int panel, first, last;
};

template <class S>
class Call {
  using Group = TileGroup<S>;
  static constexpr std::array<Step, Tiles<S>::kPlanes> kSteps = steps_of<S>();
  using Asked = std::array<Ahead, 2>;
  static constexpr int kPlanes = Tiles<S>::kPlanes;

 public:
  Call(const ConvCall& call, const WeightFormat& format, const Tiles<S>& tiles,
       const std::vector<Panel>& panels, const float* x, Tensor y)
      : call_(call),
        s_(call.shape),
        f_(format),
        t_(tiles),
        panels_(panels),
        input_(s_, format, x),
        output_(call, y),
        streamed_(tiles.kernel_bytes > kCachedBytes) {
    const bool together = kPlanes > Tiles<S>::kProducts && !streamed_ && !tiles.far;
    for (int first = 0, last; first < kPlanes; first = last) {
      last = first + 1;
      while (together && last < kPlanes && !kSteps[last].first) ++last;
      sums_.push_back({first, last});
    }
    for (const Panel& panel : panels) {
      if (segments_.empty() || panel.channels != panels[panel_segments_.size() - 1].channels) {
        segments_.emplace_back();
        for (const Sum& sum : sums_) {
          if (together || segments_.back().empty()) segments_.back().push_back(segments_of(panel, sum));
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
    if constexpr (S::kScaled) {
      for (int block = first; block < last; ++block) scale_input(group, v + block * t_.v_block);
    }
  }

  // Products and inverse transforms of panels [first, last), with room for the products and for kernels.
  void multiply(const Group& group, int first, int last, const float* v, float* m, float* u) const {
    for (int begin = first; begin < last; begin += t_.chunk) {
      const int end = std::min(last, begin + t_.chunk);
      if constexpr (S::kScaled) {
        multiply_rows(group, begin, end, v, m);
      } else if (t_.lazy()) {
        multiply_lazily(group, begin, end, v, m, u);
      } else {
        multiply_packed(group, begin, end, v, m);
      }
      for (int kind = 0; kind < kKinds; ++kind) transform_output(group, kind, begin, end, m);
    }
  }

 private:
  // Of one channel block: what packed kernels lack at each point.
  void scale_input(const Group& group, float* v) const {
    constexpr auto scales = S::scales();
    for (int plane = 0; plane < kPlanes; ++plane, v += t_.v_plane) {
      for (int i = 0; i < group.count(plane) * kBlock; i += kBlock) {
        simd::store(v + i, simd::load(v + i) * scales[plane % S::kPlanes]);
      }
    }
  }

  // Steps [first, last), which the micro-kernel sums in registers: one, or what is near of a product's.
  struct Sum {
    int first, last;
  };

  // A panel's, of all planes from the first one's on.
  std::vector<Segment> segments_of(const Panel& panel, const Sum& sum) const {
    std::vector<Segment> list;
    for (int i = sum.first; i < sum.last; ++i) {
      const std::int64_t plane = kSteps[i].plane - kSteps[sum.first].plane;
      const int kernel = kSteps[i].kernel - kSteps[sum.first].kernel;
      for (int c = 0; c < panel.channel_blocks(); ++c) {
        list.push_back({plane * t_.v_plane + c * t_.v_block, panel.lanes(c) / f_.together,
                        (kernel * panel.channels + c * kBlock) / f_.together});
      }
    }
    return list;
  }
  const std::vector<Segment>& segments_of(int panel, int sum) const {
    const auto& lists = segments_[panel_segments_[panel]];
    return lists.size() == 1 ? lists[0] : lists[sum];
  }

  // Sum by sum, whose planes all panels read.
  void multiply_packed(const Group& group, int begin, int end, const float* v, float* m) const {
    for (int sum = 0; sum < static_cast<int>(sums_.size()); ++sum) {
      const int step = sums_[sum].first;
      const int tiles = group.count(kSteps[step].product);
      for (int i = begin; i < end && tiles > 0; ++i) {
        const std::vector<Segment>& segments = segments_of(i, sum);
        const std::int64_t calls = steps_of_kernel(panels_[i].channels, tiles);
        const Asked next{next_kernels(i, step, begin, end, calls), next_input(i, step, begin, end, calls, v)};
        multiply_plane(tiles, panels_[i], {segments.data(), segments.data() + segments.size()}, kSteps[step],
                       kernels_of(i, kSteps[step]), v, m + (i - begin) * t_.m_panel, next);
      }
    }
  }

  // Row by row of points, whose transformed input all panels read, and some of a panel's channels at a time.
  void multiply_rows(const Group& group, int begin, int end, const float* v, float* m) const {
    for (int row = 0; row < S::kKernels; ++row) {
      for (int i = begin; i < end; ++i) {
        const int pieces = row_pieces(i);
        for (int piece = 0; piece < pieces; ++piece) {
          Asked asked{ahead_of_row(group, row, i, piece, begin, end), Ahead{v, 0}};
          if (piece == 0) asked[1] = input_of_row(group, row, i, begin, end, v);
          multiply_row(group, row_part(i, piece), row, v, m + (i - begin) * t_.m_panel, asked);
        }
      }
    }
  }

  int row_pieces(int panel) const {
    return ceil_div(panels_[panel].size() * HalfTransformed::kRow * std::int64_t{sizeof(float)}, kRowBytes);
  }
  Part row_part(int panel, int piece) const {
    const std::int64_t blocks = panels_[panel].channel_blocks();
    const int pieces = row_pieces(panel);
    return {panel, static_cast<int>(part_begin(blocks, piece, pieces)),
            static_cast<int>(part_begin(blocks, piece + 1, pieces))};
  }
  std::int64_t row_floats(const Part& part) const {
    const Panel& panel = panels_[part.panel];
    return std::int64_t{std::min(panel.channels, part.last * kBlock) - part.first * kBlock} *
           panel.filters() * HalfTransformed::kRow;
  }

  void multiply_row(const Group& group, const Part& part, int row, const float* v, float* m,
                    Asked& asked) const {
    const RowKernels& kernels = row_kernels();
    const int blocks = panels_[part.panel].blocks;
    const auto multiply = [&](int point, auto&& product) {
      const Step& step = kSteps[row * S::kKernels + point];
      const int tiles = group.count(step.product);
      if (tiles == 0) return;
      simd::PairProduct p = row_product(part, row, step, v, m);
      p.ahead = asked;
      product(p, tiles);
      asked = p.ahead;
    };
    const auto alone = [&](const simd::ProductKernels& of) {
      return [&](simd::PairProduct& p, int tiles) { simd::product_pixels(of, p, tiles, blocks); };
    };
    const auto pair = [&](const simd::PairKernels& of) {
      return [&](simd::PairProduct& p, int tiles) { simd::product_pairs(of, p, tiles, blocks); };
    };
    // Tiles see both points of a pair or none (EdgePoints).
    multiply(0, alone(kernels.zero));
    multiply(5, alone(kernels.infinity));
    multiply(1, pair(kernels.near));
    multiply(3, pair(kernels.far));
  }

  simd::PairProduct row_product(const Part& part, int row, const Step& step, const float* v, float* m) const {
    simd::PairProduct p{};
    p.segments = segments_of(part.panel, 0).data() + part.first;
    p.count = part.last - part.first;
    p.x = v + step.plane * t_.v_plane + panels_[part.panel].channel_block * t_.v_block;
    p.x_apart = t_.v_plane;
    p.weights = row_of(part.panel, row);
    p.y = m + step.product * t_.m_point;
    p.y_apart = t_.m_point;
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = part.first > 0;
    return p;
  }

  const float* row_of(int panel, int row) const {
    return call_.packed +
           (panels_[panel].offset * S::kKernels + row * panels_[panel].size()) * HalfTransformed::kRow;
  }

  std::int64_t row_calls(const Group& group, int row, const Part& part, bool pairs) const {
    std::int64_t runs = 0;
    for (const int point : {0, 5, 1, 3}) {
      const int tiles = group.count(kSteps[row * S::kKernels + point].product);
      if (point % 5 == 0) runs += simd::runs_of(tiles);
      if (point % 5 && pairs) runs += simd::pair_runs_of(tiles);
    }
    return runs * row_floats(part) / (panels_[part.panel].filters() * HalfTransformed::kRow);
  }

  // Wanted after a piece of a panel's row: the next kernels,
  Ahead ahead_of_row(const Group& group, int row, int panel, int piece, int begin, int end) const {
    const std::int64_t calls = row_calls(group, row, row_part(panel, piece), true);
    if (++piece == row_pieces(panel)) {
      piece = 0;
      if (++panel == end) {
        panel = begin;
        ++row;
      }
    }
    if (!streamed_ || row == S::kKernels) return {call_.packed, 0};
    const Part next = row_part(panel, piece);
    return simd::ahead(row_of(panel, row) + std::int64_t{next.first} * kBlock * panels_[panel].filters() *
                                                HalfTransformed::kRow,
                       row_floats(next), calls);
  }
  // and the panel's share of the next row's transformed input.
  Ahead input_of_row(const Group& group, int row, int panel, int begin, int end, const float* v) const {
    if (!t_.far || row + 1 == S::kKernels) return {v, 0};
    const std::int64_t all = t_.v_plane * S::kPlanes, first = part_begin(all, panel - begin, end - begin);
    return simd::ahead(v + (row + 1) * all + first, part_begin(all, panel - begin + 1, end - begin) - first,
                       row_calls(group, row, row_part(panel, 0), false));
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
    KernelTransform<S>::transform(panel, taps_of(part), channels, u, t_.u_kernel);
    const std::int64_t taps = std::int64_t{channels} * kTaps * panel.filters();
    const Segment* const segments = segments_of(part.panel, 0).data();
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
      // Rows count from the panel's first channel.
      const float* const kernels =
          u + kSteps[step].kernel * t_.u_kernel - std::int64_t{part.first} * kBlock * panel.filters();
      Step now = kSteps[step];
      now.first = part.first == 0;
      multiply_plane(tiles, panel, {segments + part.first, segments + part.last}, now, kernels, v, m, asked);
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
    return call_.packed + (panel.offset + std::int64_t{part.first} * kBlock * panel.filters()) * kTaps;
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

  // Segments [first, second) of a panel, in the step's product.
  void multiply_plane(int tiles, const Panel& panel,
                      const std::pair<const Segment*, const Segment*>& segments, const Step& step,
                      const float* weights, const float* v, float* m, const Asked& asked) const {
    // Long reductions go in pieces whose kernels stay in the first-level cache for all runs.
    const int count = static_cast<int>(segments.second - segments.first);
    const std::int64_t block_bytes = std::int64_t{f_.bytes} * kBlock * panel.filters();
    const int pieces = ceil_div(count * block_bytes, kPieceBytes);
    Product p{};
    p.weights = weights;
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = !step.first;
    p.ahead = asked;
    for (int piece = 0; piece < pieces; ++piece) {
      const int first = static_cast<int>(part_begin(count, piece, pieces));
      p.segments = segments.first + first;
      p.count = static_cast<int>(part_begin(count, piece + 1, pieces)) - first;
      p.x = v + step.plane * t_.v_plane + panel.channel_block * t_.v_block;
      p.y = m + step.product * t_.m_point;
      simd::product_pixels(f_.kernels(), p, tiles, panel.blocks);
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
  const InputTransform<typename S::Transformed> input_;
  const OutputTransform<typename S::Transformed> output_;
  const bool streamed_;  // kernels come from memory
  std::vector<Sum> sums_;
  std::vector<std::vector<std::vector<Segment>>> segments_;  // of the sums: one list for all, or one each
  std::vector<int> panel_segments_;                          // of each panel, its lists in segments_
};

}  // namespace pydarknet::winograd
