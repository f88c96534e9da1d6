// Direct convolution of plain images, which have few channels: a network's first layer. Bands of output rows
// as in direct.cpp, with a channel in the place of a channel block; a segment is a kernel row, or (with
// stride) those of its taps that lie side by side in the band.
#include <algorithm>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/bands.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/panels.h"
#include "cpu/lib/activate.h"
#include "cpu/lib/scratch.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/plain_microkernel.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using bands::BandCopy;
using bands::Bands;
using bands::Geometry;
using simd::PlainProduct;
using simd::Segment;

std::vector<Segment> segments_of(const ConvShape& s, const Bands& b) {
  std::vector<Segment> list;
  for (int c = 0; c < s.c; ++c) {
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int phase = 0; phase < b.phases; ++phase) {
        list.push_back(
            {c * b.channel + ky * b.row + phase * b.phase, ceil_div(s.kernel_w - phase, s.stride_x), 0});
      }
    }
  }
  return list;
}

// The rows of a band times panels of filters.
class PlainBand {
 public:
  PlainBand(const ConvCall& call, const Bands& bands, Tensor y)
      : call_(call),
        s_(call.shape),
        b_(bands),
        y_(y),
        far_(y.size() > kFarFloats),
        slope_(rectifier_slope(call.activation)),
        finish_(activation_after(call.activation, call.shape.precision)),
        segments_(segments_of(call.shape, bands)) {}

  // Row by row through all panels: a row's pixels are in the first-level cache then.
  void run(int band, const float* source, const Panel* first, const Panel* last) const {
    const int row = band % b_.per_image * b_.rows, rows = std::min(b_.rows, s_.out_h() - row);
    const int image = band / b_.per_image, shrink = call_.tail.pool ? 2 : 1;
    for (int i = 0; i < rows; i += shrink) {
      for (const Panel* panel = first; panel != last; ++panel) {
        const PanelBias bias(*panel, call_);
        PlainProduct p{};
        p.x = source + i * b_.row_step * b_.row;
        p.row = b_.row_step * b_.row;
        p.segments = segments_.data();
        p.count = static_cast<int>(segments_.size());
        p.weights = call_.packed + panel->offset * s_.taps();
        p.tap = panel->filters();
        p.bias = bias.values;
        p.y = y_.block(image, panel->filter_block) + std::int64_t{(row + i) / shrink} * y_.w * kBlock;
        p.y_block = y_.plane();
        p.slope = slope_;
        p.finish = finish_;
        call_.tail.pool ? maxima(p, panel->blocks) : pixels(p, panel->blocks);
      }
    }
  }

 private:
  void pixels(const PlainProduct& row, int blocks) const {
    if (blocks == 1) return pixels_of<1>(row);
    pixels_of<2>(row);
  }

  template <int kBlocks>
  void pixels_of(const PlainProduct& row) const {
    static_assert(kBlocks <= simd::kPanelBlocks);
    const auto some = [this](const PlainProduct& p) {
      for (int j = 0; j < kBlocks && far_; ++j) ask_for_output(p.y + j * p.y_block);
      simd::plain_pixels<kBlocks, simd::kPlainPixels>(p);
    };
    simd::plain_runs<simd::kPlainPixels, 1>(row, s_.out_w(), some, simd::plain_pixels<kBlocks, 1>);
  }

  void maxima(PlainProduct rows, int blocks) const {
    for (int j = 0; j < blocks; ++j) {
      simd::plain_runs<simd::kPooledPixels, 2>(rows, s_.out_w(), simd::plain_maxima<simd::kPooledPixels>,
                                               simd::plain_maxima<2>);
      rows.weights += kBlock;
      rows.bias += kBlock;
      rows.y += rows.y_block;
    }
  }

  // Lines that the next pixels will be written to.
  static void ask_for_output(const float* y) {
    for (int r = 0; r < simd::kPlainPixels; ++r) {
      simd::prefetch_to_write(y + (simd::kPlainPixels + r) * kBlock);
    }
  }

  const ConvCall& call_;
  const ConvShape& s_;
  const Bands& b_;
  const Tensor y_;
  const bool far_;
  const float slope_;
  const ActivateFloats finish_;
  const std::vector<Segment> segments_;
};

class DirectPlain : public CpuConvolution {
 public:
  const char* name() const override { return "direct_plain"; }
  bool plain() const override { return true; }
  bool supports(const ConvShape& s) const override { return s.groups == 1; }
  std::int64_t packed_size(const ConvShape& s) const override {
    return packed_weights(conv_panels(s), s.taps());
  }

  // [panel][channel][kernel row][tap][filter], with the taps as segments have them.
  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    for (const Panel& panel : conv_panels(s)) {
      float* to = packed + panel.offset * s.taps();
      for (int c = 0; c < s.c; ++c) {
        for (int ky = 0; ky < s.kernel_h; ++ky) to = pack_row(s, kernels, panel, c, ky, to);
      }
    }
  }

  std::int64_t scratch(const ConvShape& s, int threads) const override {
    const Bands b = bands_of(s, threads);
    return Scratch<float>::size(0, b.slot, threads);
  }

  bool does(const ConvShape& s, const ConvTail& tail) const override {
    return !tail.add && (!tail.pool || (s.out_h() % 2 == 0 && s.out_w() % 2 == 0));
  }

  double cost(const ConvShape& s, int threads) const override {
    CostModel model(threads);
    const double pixels = static_cast<double>(s.n) * s.out_h() * s.out_w();
    model.product(pixels * packed_size(s) / kBlock, s.out_w());
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const ConvShape& s = call.shape;
    const int threads = conv_threads(call, *this);
    const std::vector<Panel> panels = conv_panels(s);
    const Bands b = bands_of(s, threads);
    const BandCopy copier(s, b, x);
    const Scratch<float> scratch(call.workspace, call.workspace_floats, 0, threads);
    const PlainBand work(call, b, y);
    const int parts = std::min(threads, b.count * b.chunks);
    Tasks tasks(std::int64_t{b.count} * b.chunks, parts);
    parallel_parts(parts, [&](int part, int) {
      float* const copy = scratch.own(part);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (copied != band) copier.copy(copied = band, copy);
        work.run(band, copy, panels.data() + part_begin(panels.size(), chunk, b.chunks),
                 panels.data() + part_begin(panels.size(), chunk + 1, b.chunks));
      }
    });
  }

 private:
  static Bands bands_of(const ConvShape& s, int threads) {
    return Geometry(s, fp32_format(), true, static_cast<int>(conv_panels(s).size()), threads).bands();
  }

  static float* pack_row(const ConvShape& s, const Kernels& kernels, const Panel& panel, int c, int ky,
                         float* to) {
    for (int phase = 0; phase < std::min(s.stride_x, s.kernel_w); ++phase) {
      for (int kx = phase; kx < s.kernel_w; kx += s.stride_x) {
        for (int i = 0; i < panel.filters(); ++i) {
          const float* kernel = kernels(panel.filter_block * kBlock + i, c);
          *to++ = kernel ? kernel[ky * s.kernel_w + kx] : 0.0f;
        }
      }
    }
    return to;
  }
};

}  // namespace

const CpuConvolution& direct_plain_convolution() {
  static const DirectPlain algorithm;
  return algorithm;
}

}  // namespace pydarknet
