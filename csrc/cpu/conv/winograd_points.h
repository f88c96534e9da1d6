// Multiplies by kernels that are packed at all points: point by point, whose transformed input all panels
// read.
#pragma once
#include "cpu/conv/winograd_products.h"
#include "cpu/conv/winograd_wanted.h"

namespace pydarknet::winograd {

template <class S>
class PointProducts {
 public:
  explicit PointProducts(const Products<S>& products) : p_(products), t_(products.tiles) {}

  // Panels [begin, end). Where these don't wait for memory, what is `wanted` after them is asked for.
  void multiply(const TileGroup<S>& group, int begin, int end, const float* v, float* m,
                Wanted& wanted) const {
    const int sums = static_cast<int>(p_.sums().size());
    wanted.set_parts(std::int64_t{p_.together ? sums : Products<S>::kPlanes} * (end - begin) *
                     (!p_.streamed + !t_.far));
    for (int sum = 0; sum < sums; ++sum) {
      for (Place at{begin, end, begin, sum, 0}; at.panel < end; ++at.panel) {
        const int steps = p_.together ? 1 : p_.sums()[sum].count();
        for (at.step = 0; at.step < steps; ++at.step) multiply_step(group, at, v, m, wanted);
      }
    }
  }

 private:
  // A step of a sum, for one of the panels [begin, end).
  struct Place {
    int begin, end, panel, sum, step;
  };

  void multiply_step(const TileGroup<S>& group, const Place& at, const float* v, float* m,
                     Wanted& wanted) const {
    const Step& step = p_.step(p_.sums()[at.sum].first + at.step);
    const Panel& panel = p_.panels[at.panel];
    const int tiles = group.count(step.product);
    if (tiles == 0) return;
    const std::vector<Segment>& segments = p_.segments(at.panel, at.sum);
    const std::int64_t calls = p_.steps_of_kernel(panel.channels, tiles);
    const Asked next{p_.streamed ? next_kernels(at, calls) : wanted.take(calls, v),
                     t_.far ? next_input(at, calls, v) : wanted.take(calls, v)};
    p_.multiply_plane(tiles, panel, {segments.data(), segments.data() + segments.size()}, step,
                      kernels_of(at.panel, at.sum), v, m + (at.panel - at.begin) * t_.m_panel, next);
  }

  const float* kernels_of(int panel, int sum) const {
    const Panel& p = p_.panels[panel];
    return p_.packed +
           p_.format.floats(p.offset * Tiles<S>::kKernels + p_.step(p_.sums()[sum].first).kernel * p.size());
  }

  // Wanted after a panel's steps, if they have a long way, a share at each: the next kernels,
  Ahead next_kernels(const Place& at, std::int64_t calls) const {
    const int panel = at.panel + 1 < at.end ? at.panel + 1 : at.begin;
    const int sum = at.sum + (panel == at.begin), steps = p_.sums()[at.sum].count();
    if (sum == static_cast<int>(p_.sums().size())) return {p_.packed, 0};
    const std::int64_t all = p_.format.floats(p_.panels[panel].size());
    const std::int64_t first = part_begin(all, at.step, steps);
    return simd::ahead_in_halves(kernels_of(panel, sum) + first, part_begin(all, at.step + 1, steps) - first,
                                 calls);
  }

  // and of the next steps' transformed input, plane after plane.
  Ahead next_input(const Place& at, std::int64_t calls, const float* v) const {
    if (at.sum + 1 == static_cast<int>(p_.sums().size())) return {v, 0};
    const Sum &now = p_.sums()[at.sum], &next = p_.sums()[at.sum + 1];
    const int all = (at.end - at.begin) * now.count(), i = (at.panel - at.begin) * now.count() + at.step;
    const int plane = i * next.count() / all;
    const int begin = ceil_div(plane * all, next.count()), end = ceil_div((plane + 1) * all, next.count());
    const std::int64_t first = part_begin(t_.v_plane, i - begin, end - begin);
    const std::int64_t last = part_begin(t_.v_plane, i - begin + 1, end - begin);
    return simd::ahead(v + p_.step(next.first + plane).plane * t_.v_plane + first, last - first, calls);
  }

  const Products<S>& p_;
  const Tiles<S>& t_;
};

}  // namespace pydarknet::winograd
