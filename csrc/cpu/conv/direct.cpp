// Direct convolution, any geometry. A band of output rows is one task: its padded input is copied together
// (unless it can be used where it lies), so that every tap of every pixel is a constant offset and the inner
// loops have no borders. On plain images a "channel block" is one channel and a segment is a kernel row.
#include <algorithm>
#include <cstring>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/sizes.h"
#include "cpu/simd/microkernel.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Product;
using simd::Segment;

// A band's input should stay in the second-level cache beside the weights that pass through.
constexpr std::int64_t kBandBytes = 768 << 10;
// Long reductions go in parts whose weights stay in the first-level cache for all pixels of the band, while
// those of the next part come.
constexpr std::int64_t kPartBytes = 24 << 10;

// How the convolution is cut, and where a band's input lies. Strides are in floats; `pitch` is that from one
// output pixel to the next, kBlock or (plain) 1.
struct Bands {
  int pitch;
  bool in_place;                     // the band is the input itself
  bool images;                       // one output pixel an image: images take the place of columns
  bool one_run;                      // the band's pixels follow each other without gaps
  int rows;                          // output rows of a band (with `images`: images)
  int count;                         // bands of all images
  int per_image;                     // bands of one image
  int chunks;                        // tasks the panels are split into
  int row_step;                      // band rows from one output row to the next
  int phases, columns;               // columns of each phase: every stride_x-th column of the padded input
  std::int64_t phase, row, channel;  // strides
  std::int64_t slot;                 // floats of a thread's copy of the band
};

class Geometry {
 public:
  Geometry(const ConvShape& shape, bool plain, int panels, int threads)
      : s_(shape), channels_(plain ? s_.c : blocks_of(s_.c)) {
    b_.pitch = plain ? 1 : kBlock;
    b_.phases = std::min(s_.stride_x, s_.kernel_w);
    b_.columns = s_.out_w() + (s_.kernel_w - 1) / s_.stride_x;
    b_.row_step = s_.kernel_h == 1 ? 1 : s_.stride_y;
    b_.images = !plain && s_.n > 1 && s_.out_h() == 1 && s_.out_w() == 1 && s_.pad_y == 0 && s_.pad_x == 0;
    b_.in_place = !plain && !b_.images && s_.pad_y == 0 && s_.pad_x == 0 && s_.stride_x == 1 &&
                  (s_.kernel_h > 1 || s_.stride_y == 1);
    b_.one_run = b_.images || (s_.kernel_w == 1 && s_.kernel_h == 1 && (!b_.in_place || s_.out_w() == s_.w));
    choose_rows(threads);
    b_.chunks = b_.count >= threads ? 1 : std::min(threads, panels);
    set_strides();
  }
  const Bands& bands() const { return b_; }

 private:
  void choose_rows(int threads) {
    const int all = b_.images ? s_.n : s_.out_h();
    const std::int64_t row_bytes =
        std::int64_t{4} * channels_ * b_.pitch *
        (b_.images ? std::int64_t{s_.h} * s_.w : std::int64_t{b_.columns} * b_.phases * b_.row_step);
    std::int64_t rows = std::clamp<std::int64_t>(kBandBytes / row_bytes, 1, all);
    if (b_.images) rows = std::min(all, std::max<int>(static_cast<int>(rows), simd::kRows));
    b_.per_image = ceil_div(all, rows);
    const int images = b_.images ? 1 : s_.n;
    // A multiple of the threads, if there is more than one band anyway.
    while (threads > 1 && b_.per_image > 1 && b_.per_image < all && b_.per_image * images % threads != 0) {
      ++b_.per_image;
    }
    b_.rows = ceil_div(all, b_.per_image);
    b_.per_image = ceil_div(all, b_.rows);
    b_.count = b_.per_image * images;
  }

  void set_strides() {
    if (b_.in_place) {
      b_.phase = 0;
      b_.row = std::int64_t{s_.w} * b_.pitch;
      b_.channel = b_.row * s_.h;
      b_.slot = 0;
    } else if (b_.images) {
      b_.phase = std::int64_t{b_.rows} * kBlock;  // from one tap to the next
      b_.row = b_.phase * s_.w;
      b_.channel = b_.row * s_.h;
      b_.slot = b_.channel * channels_;
    } else {
      b_.phase = std::int64_t{b_.columns} * b_.pitch;
      b_.row = b_.phase * b_.phases;
      b_.channel = b_.row * ((b_.rows - 1) * b_.row_step + s_.kernel_h);
      b_.slot = b_.channel * channels_;
    }
  }

  const ConvShape& s_;
  const int channels_;
  Bands b_{};
};

// Copies the input of one band, zeros around it.
class BandCopy {
 public:
  BandCopy(const ConvShape& shape, const Bands& bands, const float* x) : s_(shape), b_(bands), x_(x) {}

  void copy(int band, float* to) const {
    const int channels = b_.pitch == 1 ? s_.c : blocks_of(s_.c);
    for (int c = 0; c < channels; ++c) {
      if (b_.images) {
        copy_images(band, c, channels, to + c * b_.channel);
      } else {
        copy_rows(band, c, channels, to + c * b_.channel);
      }
    }
  }

 private:
  void copy_images(int band, int c, int channels, float* to) const {
    const int taps = s_.h * s_.w, first = band * b_.rows, last = std::min(s_.n, first + b_.rows);
    for (int image = first; image < last; ++image) {
      const float* from = x_ + (std::int64_t{image} * channels + c) * taps * kBlock;
      for (int t = 0; t < taps; ++t) {
        std::memcpy(to + t * b_.phase + (image - first) * kBlock, from + t * kBlock, sizeof(float) * kBlock);
      }
    }
  }

  void copy_rows(int band, int c, int channels, float* to) const {
    const int image = band / b_.per_image, first = band % b_.per_image * b_.rows;
    const int out_rows = std::min(b_.rows, s_.out_h() - first);
    const float* plane = x_ + (std::int64_t{image} * channels + c) * s_.h * s_.w * b_.pitch;
    const int rows = (out_rows - 1) * b_.row_step + s_.kernel_h;
    for (int i = 0; i < rows; ++i, to += b_.row) {
      const int y =
          s_.kernel_h == 1 ? (first + i) * s_.stride_y - s_.pad_y : first * s_.stride_y - s_.pad_y + i;
      if (y < 0 || y >= s_.h) {
        std::memset(to, 0, sizeof(float) * b_.row);
      } else {
        const float* from = plane + std::int64_t{y} * s_.w * b_.pitch;
        for (int phase = 0; phase < b_.phases; ++phase) copy_phase(from, phase, to + phase * b_.phase);
      }
    }
  }

  // Column q of the phase is column q * stride_x + phase - pad_x of the input.
  void copy_phase(const float* from, int phase, float* to) const {
    const int start = phase - s_.pad_x;
    const int left = std::clamp(ceil_div(std::max(0, -start), s_.stride_x), 0, b_.columns);
    const int end = start >= s_.w ? 0 : (s_.w - 1 - start) / s_.stride_x + 1;
    const int right = std::clamp(end, left, b_.columns);
    const int pitch = b_.pitch;
    std::memset(to, 0, sizeof(float) * left * pitch);
    std::memset(to + right * pitch, 0, sizeof(float) * (b_.columns - right) * pitch);
    if (left == right) return;
    from += (std::int64_t{left} * s_.stride_x + start) * pitch;
    if (s_.stride_x == 1) {
      std::memcpy(to + left * pitch, from, sizeof(float) * (right - left) * pitch);
    } else if (pitch == 1) {
      for (int q = left; q < right; ++q, from += s_.stride_x) to[q] = *from;
    } else {
      for (int q = left; q < right; ++q, from += std::int64_t{s_.stride_x} * kBlock) {
        simd::store(to + q * kBlock, simd::load(from));
      }
    }
  }

  const ConvShape& s_;
  const Bands& b_;
  const float* x_;
};

// The reduction of one panel: (channel block, row, column) on blocked arrays; (channel, row, phase) on plain
// ones, where the taps of one phase lie side by side.
std::vector<Segment> segments_of(const ConvShape& s, const Bands& b, const Panel& panel) {
  std::vector<Segment> list;
  if (b.pitch == 1) {
    for (int c = 0; c < s.c; ++c) {
      for (int ky = 0; ky < s.kernel_h; ++ky) {
        for (int phase = 0; phase < b.phases; ++phase) {
          list.push_back(
              {c * b.channel + ky * b.row + phase * b.phase, ceil_div(s.kernel_w - phase, s.stride_x)});
        }
      }
    }
    return list;
  }
  for (int c = 0; c < panel.channel_blocks(); ++c) {
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        const std::int64_t column =
            b.images ? kx * b.phase : kx % s.stride_x * b.phase + kx / s.stride_x * std::int64_t{kBlock};
        list.push_back({c * b.channel + ky * b.row + column, panel.lanes(c)});
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
        kernels_(bands.pitch == 1 ? plain_kernels() : *format.kernels),
        b_(bands),
        y_(y),
        slope_(rectifier_slope(call.activation)) {}

  void run(int band, const float* source, const Panel& panel) {
    if (segments_.empty() || panel.channels != channels_) {
      segments_ = segments_of(s_, b_, panel);
      channels_ = panel.channels;
    }
    const PanelBias bias(panel, call_);
    const int row = b_.images ? 0 : band % b_.per_image * b_.rows;
    const int rows = std::min(b_.rows, (b_.images ? s_.n : s_.out_h()) - (b_.images ? band * b_.rows : row));
    const int image = b_.images ? band * b_.rows : band / b_.per_image;
    Product p{};
    p.bias = bias.values;
    const float* weights = call_.packed + f_.floats(panel.offset * s_.taps());
    p.weights = weights;
    p.y_block = y_.plane();
    p.y_pixel = b_.images ? y_.image() : kBlock;
    const float* x = source + panel.channel_block * b_.channel;
    float* y = y_.block(image, panel.filter_block) + std::int64_t{row} * y_.w * kBlock;
    const int pixels = b_.images ? rows : b_.one_run ? rows * y_.w : y_.w;
    const int runs = b_.one_run ? 1 : rows, calls = runs * simd::runs_of(pixels);
    const bool split = calls > 1;
    for (std::size_t begin = 0; begin < segments_.size();) {
      p.segments = segments_.data() + begin;
      const std::int64_t channels = take(begin, split ? kPartBytes / (f_.bytes * panel.filters()) : 0);
      p.count = static_cast<int>(&segments_[begin - 1] - p.segments) + 1;
      p.slope = begin == segments_.size() ? slope_ : 1.0f;
      const std::int64_t floats = f_.floats(channels * panel.filters());
      weights += floats;
      p.ahead = {simd::ahead(weights, split ? floats : 0, channels * calls), simd::Ahead{weights, 0}};
      for (int run = 0; run < runs; ++run) {
        p.x = x + run * b_.row_step * b_.row;
        p.y = y + std::int64_t{run} * y_.w * kBlock;
        simd::product_pixels(kernels_, p, pixels, panel.blocks);
      }
      p.weights = weights;
      p.accumulate = true;
    }
  }

 private:
  // Moves `begin` past segments of about `most` channels in all (0: past all); the channels taken.
  std::int64_t take(std::size_t& begin, std::int64_t most) const {
    std::int64_t channels = 0;
    while (begin < segments_.size() && (most == 0 || channels < most)) channels += segments_[begin++].length;
    return channels;
  }

  const ConvCall& call_;
  const ConvShape& s_;
  const WeightFormat& f_;
  const simd::ProductKernels& kernels_;
  const Bands& b_;
  const Tensor y_;
  const float slope_;
  std::vector<Segment> segments_;
  int channels_ = 0;
};

class Direct : public CpuConvolution {
 public:
  explicit Direct(const WeightFormat& format, bool plain = false)
      : f_(format), plain_(plain), name_(std::string(plain ? "direct_plain" : "direct") + format.suffix) {}
  const char* name() const override { return name_.c_str(); }
  bool plain() const override { return plain_; }
  Precision precision() const override { return f_.precision; }
  bool supports(const ConvShape& s) const override { return !plain_ || s.groups == 1; }

  std::int64_t packed_size(const ConvShape& s) const override {
    return f_.floats(packed_weights(conv_panels(s), s.taps()));
  }

  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const std::vector<Panel> panels = conv_panels(s);
    parallel_for(static_cast<std::int64_t>(panels.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* to = packed + f_.floats(panels[i].offset * s.taps());
        if (plain_) {
          pack_plain(s, panels[i], kernels, to);
        } else {
          pack_blocked(s, panels[i], kernels, to);
        }
      }
    });
  }

  std::int64_t scratch(const ConvShape& s, int threads) const override {
    const Bands b = Geometry(s, plain_, static_cast<int>(conv_panels(s).size()), threads).bands();
    return b.slot * std::min(threads, b.count * b.chunks);
  }

  double cost(const ConvShape& s, int threads) const override {
    CostModel model(threads);
    const double pixels = static_cast<double>(s.n) * s.out_h() * s.out_w();
    const std::int64_t packed = packed_size(s);
    const int run = s.taps() == 1 ? s.out_h() * s.out_w() : s.out_w();
    model.product(pixels * packed_weights(conv_panels(s), s.taps()) / kBlock, run);
    model.weights(packed);
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const ConvShape& s = call.shape;
    const std::vector<Panel> panels = conv_panels(s);
    const int threads = conv_threads(call, *this);
    const Bands b = Geometry(s, plain_, static_cast<int>(panels.size()), threads).bands();
    const BandCopy copier(s, b, x);
    const std::int64_t tasks = std::int64_t{b.count} * b.chunks;
    parallel_parts(static_cast<int>(std::min<std::int64_t>(threads, tasks)), [&](int part, int parts) {
      BandProduct product(call, f_, b, y);
      float* copy = call.workspace + part * b.slot;
      int copied = -1;
      const std::int64_t end = part_begin(tasks, part + 1, parts);
      for (std::int64_t task = part_begin(tasks, part, parts); task < end; ++task) {
        const int band = static_cast<int>(task % b.count), chunk = static_cast<int>(task / b.count);
        if (!b.in_place && copied != band) copier.copy(copied = band, copy);
        const float* source = b.in_place ? in_place(s, b, x, band) : copy;
        const auto panels_end = part_begin(panels.size(), chunk + 1, b.chunks);
        for (auto i = part_begin(panels.size(), chunk, b.chunks); i < panels_end; ++i) {
          product.run(band, source, panels[i]);
        }
      }
    });
  }

 private:
  static const float* in_place(const ConvShape& s, const Bands& b, const float* x, int band) {
    return x + band / b.per_image * b.channel * blocks_of(s.c) +
           std::int64_t{band % b.per_image} * b.rows * s.stride_y * b.row;
  }

  void pack_blocked(const ConvShape& s, const Panel& panel, const Kernels& kernels, float* to) const {
    const int row = panel.filters();
    std::vector<float> wide(&f_ == &fp32_format() ? 0 : std::size_t{kBlock} * s.taps() * row);
    for (int block = 0; block < panel.channel_blocks(); ++block) {
      const int lanes = panel.lanes(block);
      float* const rows = wide.empty() ? to : wide.data();
      for (int j = 0; j < panel.blocks; ++j) {
        kernels.each((panel.filter_block + j) * kBlock, (panel.channel_block + block) * kBlock, lanes,
                     [&](int c, int tap, simd::Lanes filters) {
                       simd::store(rows + (std::int64_t{tap} * lanes + c) * row + j * kBlock, filters);
                     });
      }
      if (rows != to) f_.narrow(rows, lanes * s.taps(), row, to);
      to += f_.floats(std::int64_t{lanes} * s.taps() * row);
    }
  }

  static void pack_plain(const ConvShape& s, const Panel& panel, const Kernels& kernels, float* to) {
    for (int c = 0; c < s.c; ++c) {
      for (int ky = 0; ky < s.kernel_h; ++ky) {
        for (int phase = 0; phase < std::min(s.stride_x, s.kernel_w); ++phase) {
          for (int kx = phase; kx < s.kernel_w; kx += s.stride_x) {
            to = pack_filters(panel, kernels, c, ky * s.kernel_w + kx, to);
          }
        }
      }
    }
  }

  static float* pack_filters(const Panel& panel, const Kernels& kernels, int c, int tap, float* to) {
    for (int i = 0; i < panel.filters(); ++i) {
      const float* kernel = kernels(panel.filter_block * kBlock + i, c);
      *to++ = kernel ? kernel[tap] : 0.0f;
    }
    return to;
  }

  const WeightFormat& f_;
  const bool plain_;
  const std::string name_;
};

}  // namespace

const ConvolutionList& direct_convolutions() {
  static const EveryFormat<Direct> all;
  return all.list;
}

const CpuConvolution& direct_plain_convolution() {
  static const Direct algorithm(fp32_format(), true);
  return algorithm;
}

}  // namespace pydarknet
