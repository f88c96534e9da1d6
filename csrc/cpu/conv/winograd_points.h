// Multiplies by kernels that are packed at all points: point by point, whose transformed input all panels
// read.
#pragma once
#include "cpu/conv/winograd_products.h"
#include "cpu/conv/winograd_wanted.h"

namespace pydarknet::winograd {

template <class S>
class PointProducts {
  static constexpr auto& kSteps = Products<S>::kSteps;

 public:
  explicit PointProducts(const Products<S>& products) : p_(products), t_(products.tiles) {}

  // Panels [begin, end). Where these don't wait for memory, what is `wanted` after them is asked for.
  void multiply(const TileGroup<S>& group, int begin, int end, const float* v, float* m,
                Wanted& wanted) const {
    wanted.set_parts(p_.sums().size() * (end - begin) * (!p_.streamed + !t_.far));
    for (int sum = 0; sum < static_cast<int>(p_.sums().size()); ++sum) {
      const int step = p_.sums()[sum].first;
      const int tiles = group.count(kSteps[step].product);
      for (int i = begin; i < end && tiles > 0; ++i) {
        const std::vector<Segment>& segments = p_.segments(i, sum);
        const std::int64_t calls = p_.steps_of_kernel(p_.panels[i].channels, tiles);
        Asked next{next_kernels(i, step, begin, end, calls), next_input(i, step, begin, end, calls, v)};
        if (!p_.streamed) next[0] = wanted.take(calls, v);
        if (!t_.far) next[1] = wanted.take(calls, v);
        p_.multiply_plane(tiles, p_.panels[i], {segments.data(), segments.data() + segments.size()},
                          kSteps[step], kernels_of(i, kSteps[step]), v, m + (i - begin) * t_.m_panel, next);
      }
    }
  }

 private:
  const float* kernels_of(int panel, const Step& step) const {
    const Panel& p = p_.panels[panel];
    return p_.packed + p_.format.floats(p.offset * Tiles<S>::kKernels + step.kernel * p.size());
  }

  // Wanted after a panel's products in a step, if they have a long way: the next kernels,
  Ahead next_kernels(int panel, int step, int begin, int end, std::int64_t calls) const {
    const int next = panel + 1 < end ? panel + 1 : begin;
    if (next == begin) ++step;
    if (!p_.streamed || step == Products<S>::kPlanes) return {p_.packed, 0};
    return simd::ahead(kernels_of(next, kSteps[step]), p_.format.floats(p_.panels[next].size()), calls);
  }

  // and the panel's share of the next step's transformed input.
  Ahead next_input(int panel, int step, int begin, int end, std::int64_t calls, const float* v) const {
    if (!t_.far || step + 1 == Products<S>::kPlanes) return {v, 0};
    const std::int64_t first = part_begin(t_.v_plane, panel - begin, end - begin);
    const std::int64_t last = part_begin(t_.v_plane, panel - begin + 1, end - begin);
    return simd::ahead(v + kSteps[step + 1].plane * t_.v_plane + first, last - first, calls);
  }

  const Products<S>& p_;
  const Tiles<S>& t_;
};

}  // namespace pydarknet::winograd
