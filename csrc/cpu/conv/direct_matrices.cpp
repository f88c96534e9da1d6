// Direct convolution by matrix registers, in BF16: a band's input is copied as pixels of 32 channels, or of
// 16, and written as floats.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/lib/activate.h"
#include "cpu/simd/amx.h"

#if defined(__AVX512F__)
#include "cpu/matrices/convolve.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/transpose.h"

namespace pydarknet {
namespace {

using simd::Bf16Pairs;
using simd::Lanes;

constexpr int kHalf = 2;  // bytes of a channel
constexpr MatrixUse kUse{false, false};
static_assert(kBlock == simd::kTileFilters);

MatrixLayout layout_of(const ConvShape& s) { return MatrixLayout(s, kHalf); }
// Blocks of an activation's channels in a block of the layout.
int together_in(const MatrixLayout& layout) { return layout.pixel / (kHalf * kBlock); }

// A band, rounded, with zeros where there is no input.
class BandCopy {
 public:
  BandCopy(const ConvShape& s, const MatrixLayout& layout, const MatrixBands& bands, const float* x)
      : s_(s), layout_(layout), b_(bands), x_{x, s.n, blocks_of(s.c) * kBlock, s.h, s.w} {}

  const std::uint8_t* operator()(int band, std::uint8_t* to) const {
    const int image = band / b_.per_image, top = b_.first_row(band) * s_.stride_y - s_.pad_y;
    const int rows = (b_.rows_in(s_, band) - 1) * s_.stride_y + s_.kernel_h;
    for (int block = 0; block < layout_.blocks; ++block) {
      std::uint8_t* const first = to + block * b_.channel;
      for (int i = 0; i < rows; ++i) copy_row(image, block, top + i, first + i * b_.row);
      std::memset(first + rows * b_.row, 0, static_cast<std::size_t>(b_.tail));
    }
    // Behind the last pixel lie those that its step multiplies by 0.
    if (layout_.together > 1) std::memset(to + rows * b_.row + b_.tail, 0, simd::kMatrixBytes);
    return to;
  }

 private:
  void copy_row(int image, int block, int y, std::uint8_t* to) const {
    const int left = std::min(s_.pad_x, b_.width), inside = std::min(s_.w, b_.width - left);
    if (y < 0 || y >= s_.h) {
      std::memset(to, 0, static_cast<std::size_t>(b_.row));
      return;
    }
    const std::ptrdiff_t pixel = layout_.pixel;
    std::memset(to, 0, static_cast<std::size_t>(left * pixel));
    const int each = together_in(layout_), first = block * each;
    const float* const from = x_.block(image, first) + std::int64_t{y} * x_.w * kBlock;
    copy_pixels(from, inside, s_.c - first * kBlock, to + left * pixel);
    std::memset(to + (left + inside) * pixel, 0,
                static_cast<std::size_t>((b_.width - left - inside) * pixel));
  }

  // With so many channels. Spare lanes are multiplied by 0, but BF16 could make infinity of one.
  void copy_pixels(const float* from, int pixels, int channels, std::uint8_t* to) const {
    const bool wide = layout_.pixel > kHalf * kBlock;
    const std::ptrdiff_t second = x_.plane();
    if (wide && channels >= 2 * kBlock) {
      for (int i = 0; i < pixels; ++i, from += kBlock, to += layout_.pixel) {
        Bf16Pairs::store(to, simd::load(from), simd::load(from + second));
      }
      return;
    }
    const int some = std::min(channels, kBlock), more = channels - some;
    for (int i = 0; i < pixels; ++i, from += kBlock, to += layout_.pixel) {
      const Lanes lower = simd::first_lanes(simd::load(from), some);
      if (wide) {
        const Lanes upper = more > 0 ? simd::first_lanes(simd::load(from + second), more) : Lanes{};
        Bf16Pairs::store(to, lower, upper);
      } else {
        Bf16Pairs::store(reinterpret_cast<float*>(to), lower);
      }
    }
  }

  const ConvShape& s_;
  const MatrixLayout& layout_;
  const MatrixBands& b_;
  const ConstTensor x_;
};

// Writes a product's sums, activated; each part is some pixels of a tile.
class Output {
 public:
  Output(const ConvCall& call, Tensor y)
      : y_(y),
        slope_(rectifier_slope(call.activation)),
        finish_(activation_after(call.activation, call.shape.precision)) {}

  unsigned begin(const MatrixSums<float>& found) {
    found_ = found;
    return kParts * static_cast<unsigned>(found.pixel_tiles);
  }
  void operator()(unsigned part) const {
    const int tile = static_cast<int>(part / kParts), first = static_cast<int>(part % kParts) * kPixels;
    const int end = std::min(found_.pixels, first + kPixels);
    if (first >= end) return;
    if (finish_) finish_(found_.at(tile, first, 0), std::int64_t{end - first} * simd::kSumsPitch);
    const int* const places = found_.places(tile);
    for (int j = 0; j < found_.filter_tiles; ++j) {
      float* const row =
          y_.block(found_.image, found_.filter(j) / kBlock) + found_.begin(tile, y_.w) * kBlock;
      for (int r = first; r < end; ++r) {
        simd::store(row + std::int64_t{places[r]} * kBlock,
                    simd::rectify(simd::load(found_.at(tile, r, j)), slope_));
      }
    }
  }

 private:
  static constexpr int kPixels = 4;
  static constexpr unsigned kParts = simd::kMatrixRows / kPixels;
  const Tensor y_;
  const float slope_;
  const ActivateFloats finish_;
  MatrixSums<float> found_{};
};

class DirectMatrices : public CpuConvolution {
 public:
  const char* name() const override { return "direct_bf16_matrices"; }
  Precision precision() const override { return Precision::kBf16; }
  bool supports(const ConvShape& s) const override {
    return simd::multiplier() != simd::Multiplier::kVectors && Bf16Pairs::offered() && s.groups == 1 &&
           s.c > kBlock / 2;
  }

  std::int64_t packed_size(const ConvShape& s) const override { return layout_of(s).packed_bytes() / 4; }

  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    const MatrixLayout layout = layout_of(s);
    parallel_for(layout.panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t panel = begin; panel < end; ++panel) {
        pack_panel(s, layout, kernels, static_cast<int>(panel), packed + panel * layout.panel_bytes() / 4);
      }
    });
  }

  std::int64_t scratch(const ConvShape& s, int threads) const override {
    const MatrixBands bands(s, layout_of(s), kUse, threads);
    return ceil_div(Scratch<std::uint8_t>::size(0, bands.own(), threads), 4);
  }

  double cost(const ConvShape& s, int threads) const override {
    const MatrixLayout layout = layout_of(s);
    const MatrixBands bands(s, layout, kUse, 1);
    const double run = bands.flat ? double{1} * s.out_h() * s.out_w() : s.out_w();
    const double tiles = s.n * (bands.flat ? 1.0 : s.out_h()) * std::ceil(run / bands.tile);
    CostModel model(threads);
    model.vectors(tiles * layout.tiles * layout.steps * kCyclesOfTile);
    model.vectors(kCyclesOfPixel * s.n * s.h * s.w * layout.blocks);
    model.weights(packed_size(s));
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    simd::multiplier() == simd::Multiplier::kAmx ? run<simd::Amx>(call, x, y)
                                                 : run<simd::PlainMatrices>(call, x, y);
  }

 private:
  static constexpr double kCyclesOfTile = 22;  // a product of two tiles, by loads and registers
  static constexpr double kCyclesOfPixel = 6;  // copied

  template <class Matrices>
  void run(const ConvCall& call, const float* x, Tensor y) const {
    const ConvShape& s = call.shape;
    const MatrixLayout layout = layout_of(s);
    const int threads = conv_threads(call, *this);
    const MatrixBands bands(s, layout, kUse, threads);
    const MatrixStart<float> start(call.bias, s.k);
    const Scratch<std::uint8_t> scratch(reinterpret_cast<std::uint8_t*>(call.workspace),
                                        call.workspace_floats * 4, 0, threads);
    const MatrixTasks<simd::PairFactors> tasks{s, layout, bands,
                                               reinterpret_cast<const std::uint8_t*>(call.packed), start};
    tasks.run<Matrices>(scratch, threads, BandCopy(s, layout, bands, x), Output(call, y));
  }

  // [step][tile of filters][word of a pixel][filter][channel of the word].
  static void pack_panel(const ConvShape& s, const MatrixLayout& layout, const Kernels& kernels, int panel,
                         float* to) {
    const int tiles = layout.tiles_in(panel), channels = layout.pixel / kHalf, taps = s.taps();
    if (layout.together > 1 || s.c % channels != 0)
      std::fill_n(to, std::int64_t{layout.steps} * tiles * simd::kTileBytes / 4, 0.0f);
    std::vector<float> wide(static_cast<std::size_t>(channels) * taps * kBlock);
    for (int tile = 0; tile < tiles; ++tile) {
      for (int block = 0; block < layout.blocks; ++block) {
        const int given = std::min(channels, s.c - block * channels);
        kernels.each((panel * simd::kFilterTiles + tile) * kBlock, block * channels, given,
                     [&](int c, int tap, Lanes filters) {
                       simd::store(wide.data() + (std::ptrdiff_t{c} * taps + tap) * kBlock, filters);
                     });
        for (int tap = 0; tap < taps; ++tap) {
          const int x = tap % s.kernel_w, row = block * s.kernel_h + tap / s.kernel_w;
          const int step = row * layout.across + x / layout.together;
          float* words = to + (std::ptrdiff_t{step} * tiles + tile) * simd::kTileBytes / 4 +
                         x % layout.together * (channels / 2) * kBlock;
          for (int c = 0; c < given; c += 2, words += kBlock) {
            const float* const first = wide.data() + (std::ptrdiff_t{c} * taps + tap) * kBlock;
            const Lanes second = c + 1 < given ? simd::load(first + std::ptrdiff_t{taps} * kBlock) : Lanes{};
            simd::store(words, Bf16Pairs::pair(simd::load(first), second));
          }
        }
      }
    }
  }
};

}  // namespace

const ConvolutionList& matrix_convolutions() {
  static const DirectMatrices direct;
  static const ConvolutionList all{&direct};
  return all;
}

}  // namespace pydarknet
#else
namespace pydarknet {

const ConvolutionList& matrix_convolutions() {
  static const ConvolutionList none;
  return none;
}

}  // namespace pydarknet
#endif
