// Multiplies by kernels that are packed as they are: channels by channels, whose kernels are transformed in
// the cache and whose transformed input all panels read.
#pragma once
#include "cpu/conv/winograd_products.h"

namespace pydarknet::winograd {

template <class S>
class LazyProducts {
  static constexpr auto& kSteps = Products<S>::kSteps;
  static constexpr int kPlanes = Products<S>::kPlanes;

 public:
  explicit LazyProducts(const Products<S>& products) : p_(products), t_(products.tiles) {}

  // Panels [begin, end), with room for kernels.
  void multiply(const TileGroup<S>& group, int begin, int end, const float* v, float* m, float* u) const {
    const int following = std::min(end, static_cast<int>(p_.panels.size()) - 1);
    for (int part = 0; part < t_.parts; ++part) {
      const Part after = part + 1 < t_.parts ? share(begin, part + 1) : share(following, 0);
      for (int i = begin; i < end; ++i) {
        const float* const next = taps_of(i + 1 < end ? share(i + 1, part) : after);
        multiply_part(group, share(i, part), i == begin && t_.far, next, v, m + (i - begin) * t_.m_panel, u);
      }
    }
  }

 private:
  void multiply_part(const TileGroup<S>& group, const Part& part, bool far, const float* next, const float* v,
                     float* m, float* u) const {
    const Panel& panel = p_.panels[part.panel];
    const int channels = channels_of(p_.panels, part);
    if (channels == 0) return;  // others have more
    KernelTransform<S>::transform(panel, taps_of(part), channels, u, t_.u_kernel);
    const std::int64_t taps = std::int64_t{channels} * kTaps * panel.filters();
    const Segment* const segments = p_.segments(part.panel, 0).data();
    const float* const input = v + (panel.channel_block + part.first) * t_.v_block;
    for (int step = 0; step < kPlanes; ++step) {
      const int tiles = group.count(kSteps[step].product);
      if (tiles == 0) continue;
      const std::int64_t calls = p_.steps_of_kernel(channels, tiles), begin = part_begin(taps, step, kPlanes);
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
      p_.multiply_plane(tiles, panel, {segments + part.first, segments + part.last}, now, kernels, v, m,
                        asked);
    }
  }

  // The panel's share of the channels.
  Part share(int panel, int part) const { return part_of(p_.panels, panel, part, t_.parts); }
  const float* taps_of(const Part& part) const {
    const Panel& panel = p_.panels[part.panel];
    return p_.packed + (panel.offset + std::int64_t{part.first} * kBlock * panel.filters()) * kTaps;
  }

  const Products<S>& p_;
  const Tiles<S>& t_;
};

}  // namespace pydarknet::winograd
