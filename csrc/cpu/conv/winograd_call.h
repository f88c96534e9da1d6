// One call of a Winograd convolution: its groups of tiles, from the input's transform to the output's.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/conv/winograd_input.h"
#include "cpu/conv/winograd_lazy.h"
#include "cpu/conv/winograd_output.h"
#include "cpu/conv/winograd_points.h"
#include "cpu/conv/winograd_row_products.h"

namespace pydarknet::winograd {

template <class S>
class Call {
  using Group = TileGroup<S>;

 public:
  Call(const ConvCall& call, const WeightFormat& format, const Tiles<S>& tiles,
       const std::vector<Panel>& panels, const float* x, Tensor y)
      : call_(call),
        t_(tiles),
        products_(call.packed, format, tiles, panels),
        input_(call.shape, format, x),
        output_(call, y) {}

  // v = B^T d B of the group's tiles in channel blocks [first, last).
  void transform_input(const Group& group, int first, int last, float* v) const {
    for (int kind = 0; kind < kKinds; ++kind) {
      if (group.places(kind).empty()) continue;
      const auto offsets = group.planes(kind, t_.v_plane, products_.format.pitch());
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
      multiply_panels(group, begin, end, end == last, v, m, u);
      for (int kind = 0; kind < kKinds; ++kind) transform_output(group, kind, begin, end, m);
    }
  }

 private:
  // The products of panels [begin, end), which may be the `last` of the call.
  void multiply_panels(const Group& group, int begin, int end, bool last, const float* v, float* m,
                       [[maybe_unused]] float* u) const {
    if constexpr (S::kScaled) {
      RowProducts<S>(products_).multiply(group, begin, end, v, m);
    } else {
      if constexpr (S::kLazy) {
        if (t_.lazy()) return LazyProducts<S>(products_).multiply(group, begin, end, v, m, u);
      }
      Wanted wanted = wanted_after(group, begin, end, last);
      PointProducts<S>(products_).multiply(group, begin, end, v, m, wanted);
    }
  }

  // What is written after the products of panels [begin, end), and what the next group reads.
  Wanted wanted_after(const Group& group, int begin, int end, bool last) const {
    Wanted wanted;
    if (t_.shared) return wanted;
    for (int i = begin; i < end; ++i) {
      const Panel& panel = products_.panels[i];
      for (int j = 0; j < panel.blocks; ++j) {
        output_.want(t_, group.first, group.last, panel.filter_block + j, wanted);
      }
    }
    if (last) input_.want(t_, group.last, group.last + t_.group, wanted);
    return wanted;
  }

  // Of one channel block: what packed kernels lack at each point.
  void scale_input(const Group& group, float* v) const {
    for (int plane = 0; plane < Tiles<S>::kPlanes; ++plane, v += t_.v_plane) {
      const auto scale = static_cast<float>(simd::MixScales::at[plane % S::kPlanes]);
      if (scale == 1.0f) continue;
      for (int i = 0; i < group.count(plane) * kBlock; i += kBlock) {
        simd::store(v + i, simd::load(v + i) * scale);
      }
    }
  }

  // y of the group's tiles of one kind, from the products of panels [begin, end).
  void transform_output(const Group& group, int kind, int begin, int end, const float* m) const {
    if (group.places(kind).empty()) return;
    const auto offsets = group.products(kind, t_.m_point);
    for (int i = begin; i < end; ++i, m += t_.m_panel) {
      const Panel& panel = products_.panels[i];
      const PanelBias bias(panel, call_);
      for (int j = 0; j < panel.blocks; ++j) {
        output_.run(group.rows(kind), group.columns(kind), group.places(kind), panel.filter_block + j,
                    m + j * t_.m_block, offsets, simd::load(bias.values + j * kBlock));
      }
    }
  }

  const ConvCall& call_;
  const Tiles<S>& t_;
  const Products<S> products_;
  const InputTransform<typename S::Transformed> input_;
  const OutputTransform<typename S::Transformed> output_;
};

}  // namespace pydarknet::winograd
