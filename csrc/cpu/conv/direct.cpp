// Direct convolution, any geometry. A band of output rows is one task: its padded input is copied together
// (unless it can be used where it lies), so that every tap of every pixel is a constant offset and the inner
// loops have no borders.
#include <algorithm>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/bands.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/lib/activate.h"
#include "cpu/lib/scratch.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/microkernel.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using bands::BandCopy;
using bands::Bands;
using bands::Geometry;
using bands::NextBand;
using simd::Product;
using simd::Segment;

// Long reductions go in parts whose weights stay in the first-level cache for all pixels of the band, while
// those of the next part come.
constexpr std::int64_t kPartBytes = 24 << 10;
constexpr double kRoundings = 2.0;  // vector instructions, for one to BF16

// The reduction of one panel: (channel block, row, column).
std::vector<Segment> segments_of(const ConvShape& s, const Bands& b, int together, const Panel& panel) {
  std::vector<Segment> list;
  int weights = 0;
  for (int c = 0; c < panel.channel_blocks(); ++c) {
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const std::int64_t column =
            b.images ? kx * b.phase : kx % s.stride_x * b.phase + kx / s.stride_x * std::int64_t{b.pitch};
        list.push_back({c * b.channel + ky * b.row + column, panel.lanes(c) / together, weights});
        weights += list.back().length;
      }
    }
  }
  return list;
}

// All pixels of one band times one panel.
class BandProduct {
 public:
  BandProduct(const ConvCall& call, const WeightFormat& format, const Bands& bands, Tensor y)
      : call_(call),
        s_(call.shape),
        f_(format),
        b_(bands),
        y_(y),
        x_far_(bands.in_place && std::int64_t{s_.n} * s_.c * s_.h * s_.w > kFarFloats),
        y_far_(!bands.images && y.size() > kFarFloats),
        slope_(rectifier_slope(call.activation)),
        finish_(activation_after(call.activation, call.shape.precision)) {}

  // While a band is multiplied in so many panels.
  void ask_for(const NextBand& next, std::size_t panels) {
    next_ = next;
    asking_panels_ = panels;
  }

  // The first panel of a band finds the input where nobody has read it yet.
  void run(int band, const float* source, const Panel& panel, bool first) {
    prepare(panel);
    const PanelBias bias(panel, call_);
    const Runs runs = runs_of(band, source, panel);
    Product p = product_of(panel, bias);
    const int calls = runs.count * simd::runs_of(runs.pixels);
    const int step_bytes = f_.together * f_.bytes * panel.filters();
    const bool split = calls > 1;
    if (asking_panels_ > 0) ask_beside(calls, split ? f_.bytes * panel.size() * s_.taps() : 0);
    auto weights = static_cast<const float*>(p.weights);
    for (std::size_t begin = 0; begin < segments_.size();) {
      p.segments = segments_.data() + begin;
      const std::int64_t steps = take(begin, split ? kPartBytes / step_bytes : 0);
      p.count = static_cast<int>(&segments_[begin - 1] - p.segments) + 1;
      const bool last = begin == segments_.size();
      p.slope = last ? slope_ : 1.0f;
      p.finish = last ? finish_ : nullptr;
      const std::int64_t floats = steps * step_bytes / 4;
      weights += floats;
      p.ahead = {simd::ahead(weights, split ? floats : 0, steps * calls), simd::Ahead{weights, 0}};
      multiply(p, runs, panel.blocks, steps, first);
      p.accumulate = true;
    }
  }

 private:
  // Runs of pixels of a band: where the first one's begin in the input and in the output.
  struct Runs {
    const float* x;
    float* y;
    int count, pixels;
  };

  Runs runs_of(int band, const float* source, const Panel& panel) const {
    const int row = b_.images ? 0 : band % b_.per_image * b_.rows;
    const int rows = std::min(b_.rows, (b_.images ? s_.n : s_.out_h()) - (b_.images ? band * b_.rows : row));
    const int image = b_.images ? band * b_.rows : band / b_.per_image;
    return {source + panel.channel_block * b_.channel,
            y_.block(image, panel.filter_block) + std::int64_t{row} * y_.w * kBlock, b_.one_run ? 1 : rows,
            b_.images    ? rows
            : b_.one_run ? rows * y_.w
                         : y_.w};
  }

  Product product_of(const Panel& panel, const PanelBias& bias) const {
    Product p{};
    p.bias = bias.values;
    p.weights = call_.packed + f_.floats(panel.offset * s_.taps());  // of all segments
    p.y_block = y_.plane();
    p.y_pixel = b_.images ? y_.image() : kBlock;
    return p;
  }

  // Some segments of all runs.
  void multiply(Product& p, const Runs& runs, int blocks, std::int64_t steps, bool first) {
    for (int run = 0; run < runs.count; ++run) {
      p.x = runs.x + run * b_.row_step * b_.row;
      p.y = runs.y + std::int64_t{run} * y_.w * kBlock;
      simd::product_runs(f_.kernels(), p, runs.pixels, blocks, [&](int rows) {
        if (first && x_far_ && p.count > 1) ask_for_input(p, rows);
        if (b_.asks) p.ahead[1] = next_.take(steps);
        if (y_far_ && !p.accumulate) ask_for_output(p, rows, blocks);
      });
    }
  }

  // The next band, by parts: beside so many calls for each part of `bytes` of weights.
  void ask_beside(int calls, std::int64_t bytes) {
    const std::int64_t parts = std::max<std::int64_t>(ceil_div(bytes, kPartBytes), 1);
    next_.set_parts(static_cast<std::int64_t>(asking_panels_) * calls * parts);
    asking_panels_ = 0;
  }

  void prepare(const Panel& panel) {
    if (segments_.empty() || panel.channels != channels_) {
      segments_ = segments_of(s_, b_, f_.together, panel);
      channels_ = panel.channels;
    }
  }

  // Of the run after this one: a pixel of each channel block at each of the block's steps,
  static void ask_for_input(Product& p, int rows) {
    const std::ptrdiff_t block = p.segments[1].offset - p.segments[0].offset;
    p.ahead[1] = {p.x + p.segments[0].offset + rows * kBlock, kBlock, block - kBlock * kBlock};
  }
  // and the lines that it will write.
  static void ask_for_output(const Product& p, int rows, int blocks) {
    for (int j = 0; j < blocks; ++j) {
      const float* const y = p.y + j * p.y_block + rows * kBlock;
      for (int r = 0; r < rows; ++r) simd::prefetch_to_write(y + r * kBlock);
    }
  }

  // Moves `begin` past segments of about `most` steps in all (0: past all); the steps taken.
  std::int64_t take(std::size_t& begin, std::int64_t most) const {
    std::int64_t steps = 0;
    while (begin < segments_.size() && (most == 0 || steps < most)) steps += segments_[begin++].length;
    return steps;
  }

  const ConvCall& call_;
  const ConvShape& s_;
  const WeightFormat& f_;
  const Bands& b_;
  const Tensor y_;
  const bool x_far_, y_far_;
  const float slope_;
  const ActivateFloats finish_;
  std::vector<Segment> segments_;
  int channels_ = 0;
  NextBand next_;
  std::size_t asking_panels_ = 0;  // until the first of them is multiplied
};

class Direct : public CpuConvolution {
 public:
  explicit Direct(const WeightFormat& format) : f_(format), name_(std::string("direct") + format.suffix) {}
  const char* name() const override { return name_.c_str(); }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape&) const override { return true; }

  std::int64_t packed_size(const ConvShape& s) const override {
    return f_.floats(packed_weights(panels_of(s), s.taps()));
  }

  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = panels_of(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        pack_panel(s, panels[i], kernels, packed + f_.floats(panels[i].offset * s.taps()));
      }
    });
  }

  std::int64_t scratch(const ConvShape& s, int threads) const override {
    const Bands b = Geometry(s, f_, false, static_cast<int>(panels_of(s).size()), threads).bands();
    return Scratch<float>::size(0, b.slot, threads);
  }

  bool does(const ConvShape&, const ConvTail& tail) const override { return !tail.add && !tail.pool; }

  double cost(const ConvShape& s, int threads) const override {
    CostModel model(threads);
    const double pixels = static_cast<double>(s.n) * s.out_h() * s.out_w();
    const std::int64_t packed = packed_size(s);
    const int run = s.taps() == 1 ? s.out_h() * s.out_w() : s.out_w();
    model.product(pixels * packed_weights(panels_of(s), s.taps()) / kBlock / f_.together, run);
    model.weights(packed);
    if (f_.paired()) model.vectors(kRoundings * s.n * s.h * s.w * blocks_of(s.c));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const ConvShape& s = call.shape;
    const std::vector<Panel> panels = panels_of(s);
    const int threads = conv_threads(call, *this);
    const Bands b = Geometry(s, f_, false, static_cast<int>(panels.size()), threads).bands();
    const BandCopy copier(s, b, x);
    const Scratch<float> scratch(call.workspace, call.workspace_floats, 0, threads);
    const int parts = std::min(threads, b.count * b.chunks);
    Tasks tasks(std::int64_t{b.count} * b.chunks, parts);
    parallel_parts(parts, [&](int part, int) {
      BandProduct product(call, f_, b, y);
      float* const copy = scratch.own(part);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (!b.in_place && copied != band) {
          copier.copy(copied = band, copy);
          if (b.asks) product.ask_for(copier.next(band), panels.size());
        }
        const float* source = b.in_place ? in_place(s, b, x, band) : copy;
        const auto panels_end = part_begin(panels.size(), chunk + 1, b.chunks);
        for (auto i = part_begin(panels.size(), chunk, b.chunks); i < panels_end; ++i) {
          product.run(band, source, panels[i], i == part_begin(panels.size(), chunk, b.chunks));
        }
      }
    });
  }

 private:
  std::vector<Panel> panels_of(const ConvShape& s) const { return conv_panels(s, f_.together); }

  static const float* in_place(const ConvShape& s, const Bands& b, const float* x, int band) {
    return x + band / b.per_image * b.channel * blocks_of(s.c) +
           std::int64_t{band % b.per_image} * b.rows * s.stride_y * b.row;
  }

  void pack_panel(const ConvShape& s, const Panel& panel, const Kernels& kernels, float* to) const {
    const int row = panel.filters();
    const bool rounded = &f_ != &fp32_format();
    std::vector<float> wide(rounded ? std::size_t{kBlock} * s.taps() * row : 0);
    for (int block = 0; block < panel.channel_blocks(); ++block) {
      const int lanes = panel.lanes(block);
      float* const rows = rounded ? wide.data() : to;
      if (panel.given_lanes(block) < lanes) std::fill(wide.begin(), wide.end(), 0.0f);
      for (int j = 0; j < panel.blocks; ++j) {
        kernels.each((panel.filter_block + j) * kBlock, (panel.channel_block + block) * kBlock,
                     panel.given_lanes(block), [&](int c, int tap, simd::Lanes filters) {
                       simd::store(rows + (std::int64_t{tap} * lanes + c) * row + j * kBlock, filters);
                     });
      }
      if (rounded) f_.narrow(rows, lanes * s.taps(), row, to);
      to += f_.floats(std::int64_t{lanes} * s.taps() * row);
    }
  }

  const WeightFormat& f_;
  const std::string name_;
};

}  // namespace

const ConvolutionList& direct_convolutions() {
  static const EveryFormat<Direct> all;
  return all.list;
}

}  // namespace pydarknet
