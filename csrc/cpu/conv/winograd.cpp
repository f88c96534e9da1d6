// 3x3 convolution in the Winograd domain. Tiles are taken in groups; of each group the input is transformed
// to [plane][channel block][tile], multiplied plane by plane with the packed kernels into
// [panel][point][block][tile], where planes of the same point are summed (with stride 2), and transformed
// back, all within the second-level cache. Packed kernels take 16, 25 or 36 floats of 9, and few tiles wait
// for them. Lazily, the 9 come from memory: those of some channels of a panel are transformed in the cache,
// in 0.6 ns a line, where memory needs 2 to 4, and multiplied at once, for each group again.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_call.h"
#include "cpu/conv/winograd_kernels.h"
#include "cpu/conv/winograd_rows.h"
#include "cpu/conv/winograd_strided.h"
#include "cpu/conv/winograd_tiles.h"
#include "cpu/lib/scratch.h"
#include "cpu/simd/stream.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using winograd::Packing;
using winograd::StrideTwo;
using winograd::TileGroup;
using winograd::Tiles;
using winograd::UnitStride;

// BF16 and tiles above F(2x2): not in a network's first layers, whose kernels cancel most of what they sum.
constexpr int kBf16Channels = 64;
constexpr double kKernelLine = 3.0;  // cycles, to transform and store one in the second-level cache
constexpr double kRowCalls = 1.06;   // with which the micro-kernel is called for fewer pixels and channels
// F(6x6) makes four times the errors of F(4x4): not where sums are long.
constexpr int kLargeTileChannels = 256;
// Of panels, for each thread that shares a group: each reads all of the transformed input.
constexpr int kBatchesEach = 4;

template <class S>
class WinogradConvolution : public CpuConvolution {
  using Transform = winograd::KernelTransform<S>;
  static constexpr int M = S::kOutputs;

 public:
  WinogradConvolution(const WeightFormat& format, Packing packing)
      : f_(format), packing_(packing), name_((S::kStride == 2 ? "strided" : "winograd") + std::to_string(M)) {
    const char* const suffixes[] = {format.suffix, "_lazy", "_rows"};
    name_ += suffixes[static_cast<int>(packing)];
  }
  const char* name() const override { return name_.c_str(); }
  std::string same_bits() const override {
    return packing_ == Packing::kTaps ? name_.substr(0, name_.find('_')) : name_;
  }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape& s) const override {
    const bool fine =
        M == S::kStride + 1 || f_.precision != Precision::kBf16 || s.c / s.groups >= kBf16Channels;
    const bool close = M <= 4 || s.c / s.groups <= kLargeTileChannels;
    return fine && close && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == S::kStride &&
           s.stride_x == S::kStride;
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
        pack_panel(panels[i], kernels, to);
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
    const double calls = packing_ == Packing::kRows ? kRowCalls : 1.0;
    const double tiles = t.planes() / Tiles<S>::kPlanes / t.groups;  // that see a product, in the mean
    model.product(calls * t.planes() * weights / kBlock / f_.together, static_cast<int>(std::ceil(tiles)));
    // Loads, stores and arithmetic of the transforms, in which a tile passes through the cache twice.
    model.vectors(t.planes() * t.blocks * (S::kStride == 2 ? 12.0 : 5.0));
    model.vectors(t.products() * blocks_of(s.k) * 4.0);
    if (t.lazy()) model.vectors(t.groups * t.kernel_bytes / (4 * kBlock) * kKernelLine);
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const std::vector<Panel> panels = panels_of(call.shape);
    const int threads = conv_threads(call, *this);
    const Tiles<S> tiles = tiles_of(call.shape, panels, threads);
    const winograd::Call<S> work(call, f_, tiles, panels, x, y);
    const Scratch<float> scratch(call.workspace, call.workspace_floats, tiles.common_size(), threads);
    const int all = static_cast<int>(panels.size());
    const int batches = tiles.split ? std::min(all, threads * kBatchesEach) : 1;
    const auto multiply = [&](const TileGroup<S>& group, int batch, const float* v, float* m) {
      work.multiply(group, static_cast<int>(part_begin(all, batch, batches)),
                    static_cast<int>(part_begin(all, batch + 1, batches)), v, m, m + tiles.product_size());
    };
    if (tiles.shared) {
      by_batches(tiles, work, scratch, batches, threads, multiply);
    } else {
      by_groups(tiles, work, scratch, batches, threads, multiply);
    }
  }

 private:
  // Each part transforms the groups that it takes batches of panels of.
  template <class Multiply>
  static void by_groups(const Tiles<S>& tiles, const winograd::Call<S>& work, const Scratch<float>& scratch,
                        int batches, int threads, const Multiply& multiply) {
    Tasks tasks(std::int64_t{tiles.groups} * batches, threads);
    parallel_parts(threads, [&](int part, int) {
      float* const v = scratch.own(part);
      int transformed = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int g = static_cast<int>(task / batches);
        const TileGroup<S> group(tiles, g);
        if (transformed != g) work.transform_input(group, 0, tiles.blocks, v);
        transformed = g;
        multiply(group, static_cast<int>(task % batches), v, v + tiles.v_size);
      }
    });
  }

  // All transform a group together.
  template <class Multiply>
  static void by_batches(const Tiles<S>& tiles, const winograd::Call<S>& work, const Scratch<float>& scratch,
                         int batches, int threads, const Multiply& multiply) {
    float* const v = scratch.common();
    for (int g = 0; g < tiles.groups; ++g) {
      const TileGroup<S> group(tiles, g);
      parallel_for(tiles.blocks, 1, [&](std::int64_t begin, std::int64_t end) {
        work.transform_input(group, static_cast<int>(begin), static_cast<int>(end), v);
      });
      const int parts = std::min(threads, batches);
      Tasks tasks(batches, parts);
      parallel_parts(parts, [&](int part, int) {
        for (std::int64_t i; (i = tasks.take(part)) >= 0;) {
          multiply(group, static_cast<int>(i), v, scratch.own(part));
        }
      });
    }
  }

  // Packed for each channel and filter.
  int values() const {
    return packing_ == Packing::kTaps ? winograd::kTaps
                                      : Tiles<S>::kKernels / (packing_ == Packing::kRows ? 2 : 1);
  }
  void pack_panel(const Panel& panel, const Kernels& kernels, float* to) const {
    if constexpr (S::kScaled) {
      Transform::pack_rows(panel, kernels, to);
    } else {
      if constexpr (S::kLazy) {
        if (packing_ == Packing::kTaps) return Transform::pack_taps(panel, kernels, to);
      }
      Transform::pack_points(panel, kernels, f_, to);
    }
  }
  std::vector<Panel> panels_of(const ConvShape& s) const { return conv_panels(s, f_.together); }
  Tiles<S> tiles_of(const ConvShape& s, const std::vector<Panel>& panels, int threads) const {
    return {s, f_, panels, threads, packing_};
  }

  const WeightFormat& f_;
  const Packing packing_;
  std::string name_;
};

template <class S>
void add_packed(ConvolutionList& list) {
  static const EveryFormat<WinogradConvolution<S>> all(S::kPairs, Packing::kPoints);
  list.insert(list.end(), all.list.begin(), all.list.end());
}
template <class S>
void add_fp32(ConvolutionList& list, Packing packing) {
  static const WinogradConvolution<S> one(fp32_format(), packing);
  list.push_back(&one);
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
    add_fp32<UnitStride<6>>(list, Packing::kPoints);
    add_fp32<UnitStride<2>>(list, Packing::kTaps);
    add_fp32<UnitStride<3>>(list, Packing::kTaps);
    add_fp32<UnitStride<4>>(list, Packing::kTaps);
    // The sums of two points want registers.
    if constexpr (simd::kRegisters >= 32) add_fp32<winograd::HalfTransformed>(list, Packing::kRows);
    return list;
  }();
  return all;
}

}  // namespace pydarknet
