// Products of a Winograd convolution's panels in its planes: what all ways to multiply have in common.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/simd/microkernel.h"
#include "ops/conv.h"
#include "shared/threads.h"

namespace pydarknet::winograd {

using simd::Ahead;
using simd::Segment;
using Asked = std::array<Ahead, 2>;

// Of kernels in the first-level cache.
inline constexpr std::int64_t kPieceBytes = 32 << 10;

// Channel blocks [first, last) of a panel.
struct Part {
  int panel, first, last;
};
inline Part part_of(const std::vector<Panel>& panels, int panel, int part, int parts) {
  const std::int64_t blocks = panels[panel].channel_blocks();
  return {panel, static_cast<int>(part_begin(blocks, part, parts)),
          static_cast<int>(part_begin(blocks, part + 1, parts))};
}
inline int channels_of(const std::vector<Panel>& panels, const Part& part) {
  return std::min(panels[part.panel].channels, part.last * kBlock) - part.first * kBlock;
}

// Kernels that are so many times as large as a group's products are worth reading once.
inline constexpr int kOnce = 4;

// Steps [first, last) that go together: a product's, which the micro-kernel sums in registers, or those by
// one kernel, which comes from afar once; or just one.
struct Sum {
  int first, last;
  int count() const { return last - first; }
};

template <class S>
class Products {
 public:
  static constexpr int kPlanes = Tiles<S>::kPlanes;
  static constexpr Steps<S> kSteps = steps_of<S>(), kByKernel = steps_by_kernel<S>();

  Products(const float* packed, const WeightFormat& format, const Tiles<S>& tiles,
           const std::vector<Panel>& panels)
      : packed(packed),
        format(format),
        tiles(tiles),
        panels(panels),
        streamed(tiles.kernel_bytes > kCachedBytes),
        together(kPlanes > Tiles<S>::kProducts && !streamed && !tiles.far),
        once(streamed && tiles.blocks * kBlock > kOnce * 2 * tiles.group),
        kernels_(format.kernels()) {
    for (int first = 0, last; first < kPlanes; first = last) {
      last = first + 1;
      while (last < kPlanes && follows(last)) ++last;
      sums_.push_back({first, last});
    }
    for (const Panel& panel : panels) {
      if (segments_.empty() || panel.channels != panels[panel_segments_.size() - 1].channels) {
        segments_.emplace_back();
        for (const Sum& sum : sums_) {
          if (together) segments_.back().push_back(segments_of(panel, sum));
        }
        if (!together) segments_.back().push_back(segments_of(panel, {0, 1}));
      }
      panel_segments_.push_back(static_cast<int>(segments_.size()) - 1);
    }
  }

  const Step& step(int i) const { return once ? kByKernel[i] : kSteps[i]; }
  const std::vector<Sum>& sums() const { return sums_; }
  const std::vector<Segment>& segments(int panel, int sum) const {
    const auto& lists = segments_[panel_segments_[panel]];
    return lists.size() == 1 ? lists[0] : lists[sum];
  }

  // Of the micro-kernel.
  std::int64_t steps_of_kernel(int channels, int pixels) const {
    return std::int64_t{channels / format.together} * simd::runs_of(pixels);
  }

  // Segments [first, second) of a panel, in the step's product.
  void multiply_plane(int pixels, const Panel& panel,
                      const std::pair<const Segment*, const Segment*>& segments, const Step& step,
                      const float* weights, const float* v, float* m, const Asked& asked) const {
    // Long reductions go in pieces whose kernels stay in the first-level cache for all runs.
    const int count = static_cast<int>(segments.second - segments.first);
    const std::int64_t block_bytes = std::int64_t{format.bytes} * kBlock * panel.filters();
    const int pieces = ceil_div(count * block_bytes, kPieceBytes);
    simd::Product p{};
    p.weights = weights;
    p.y_block = tiles.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = !step.first;
    p.ahead = asked;
    for (int piece = 1, first = 0, last; piece <= pieces; ++piece, first = last) {
      last = piece == pieces ? count : static_cast<int>(part_begin(count, piece, pieces));
      p.segments = segments.first + first;
      p.count = last - first;
      p.x = v + step.plane * tiles.v_plane + panel.channel_block * tiles.v_block;
      p.y = m + step.product * tiles.m_point;
      simd::product_pixels(kernels_, p, pixels, panel.blocks);
      p.accumulate = true;
    }
  }

  const float* const packed;
  const WeightFormat& format;
  const Tiles<S>& tiles;
  const std::vector<Panel>& panels;
  const bool streamed;  // kernels come from memory
  const bool together;  // a product's planes are summed: they are near, as their kernels are
  const bool once;      // a kernel is multiplied with all its planes

 private:
  const simd::ProductKernels& kernels_;

  // Whether a step goes together with the one before.
  bool follows(int i) const {
    return together ? !kSteps[i].first : once && step(i).kernel == step(i - 1).kernel;
  }

  // A panel's, of all planes from the first one's on.
  std::vector<Segment> segments_of(const Panel& panel, const Sum& sum) const {
    std::vector<Segment> list;
    for (int i = sum.first; i < sum.last; ++i) {
      const std::int64_t plane = kSteps[i].plane - kSteps[sum.first].plane;
      const int kernel = kSteps[i].kernel - kSteps[sum.first].kernel;
      for (int c = 0; c < panel.channel_blocks(); ++c) {
        list.push_back({plane * tiles.v_plane + c * tiles.v_block, panel.lanes(c) / format.together,
                        (kernel * panel.channels + c * kBlock) / format.together});
      }
    }
    return list;
  }

  std::vector<Sum> sums_;
  std::vector<std::vector<std::vector<Segment>>> segments_;  // of the sums: one list for all, or one each
  std::vector<int> panel_segments_;                          // of each panel, its lists in segments_
};

}  // namespace pydarknet::winograd
