// Direct convolution in 8 bits. A band of output rows is one task: its padded input is copied together, in
// the elements that the body multiplies, unless it can be used where it lies.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/int8/kernel.h"
#include "cpu/lib/scratch.h"
#include "shared/threads.h"

namespace pydarknet::int8 {

// How a convolution is cut into tasks, and where a band's input lies. Strides are in bytes.
struct Bands {
  bool in_place;  // the band is the input itself
  int rows, per_image, count;
  int chunks;  // tasks the panels are split into
  int width;   // pixels of a band's row
  std::ptrdiff_t pixel, row, channel;
  std::int64_t slot;  // of a thread's copy
};

// `element`: bytes of one of the body's elements.
Bands bands_of(const ConvShape& shape, int lanes, int element, int threads);

// The taps of one panel as offsets from a pixel: (block, row, column).
std::vector<std::ptrdiff_t> taps_of(const ConvShape& shape, const Bands& bands, int blocks);

// Copies the input of one band, `zero` around it.
template <class Element>
void copy_band(const ConvShape& s, const Bands& b, int band, ConstBytes x, int zero, std::uint8_t* to) {
  const int image = band / b.per_image, first = band % b.per_image * b.rows;
  const int rows = (std::min(b.rows, s.out_h() - first) - 1) * s.stride_y + s.kernel_h;
  const std::int64_t row = std::int64_t{b.width} * x.lanes;
  const int inside = std::min(x.w, b.width - s.pad_x);
  for (int block = 0; block < x.blocks; ++block) {
    auto* line = reinterpret_cast<Element*>(to + block * b.channel);
    for (int i = 0; i < rows; ++i, line += row) {
      const int y = first * s.stride_y - s.pad_y + i;
      const bool none = y < 0 || y >= x.h || inside <= 0;
      const std::int64_t left = none ? row : std::int64_t{s.pad_x} * x.lanes;
      const std::int64_t count = none ? 0 : std::int64_t{inside} * x.lanes;
      std::fill_n(line, left, static_cast<Element>(zero));
      if (count) std::copy_n(x.block(image, block) + std::int64_t{y} * x.w * x.lanes, count, line + left);
      std::fill_n(line + left + count, row - left - count, static_cast<Element>(zero));
    }
  }
}

// A body's kernels for `lanes` channels of a pixel, `pixel` bytes from one to the next.
template <class Body>
struct VectorKernels {
  static Kernels choose(int lanes, std::ptrdiff_t pixel, int blocks, bool pooled) {
    constexpr int kElement = static_cast<int>(sizeof(typename Body::Element));
    constexpr int kBlocked = kByteBlock * kElement, kImage = kImageBlock * kElement;
    constexpr int kBlockedWords = kBlocked / kWordBytes, kImageWords = kImage / kWordBytes;
    if (lanes == kImageBlock) {
      return pixel == kImage ? kernels_of<Body, kImageWords, kImage>(blocks, pooled)
                             : kernels_of<Body, kImageWords, 0>(blocks, pooled);
    }
    return pixel == kBlocked ? kernels_of<Body, kBlockedWords, kBlocked>(blocks, pooled)
                             : kernels_of<Body, kBlockedWords, 0>(blocks, pooled);
  }
};

// Body has: Element, the type bytes are multiplied as; kGroup, how many of them are one word; `name`;
// `runs()`; and add(sum, x, w), which adds the products of the words' elements to each lane.
template <class Body, class KernelsOf = VectorKernels<Body>>
class Convolution : public Int8Convolution {
 public:
  using Element = typename Body::Element;
  static constexpr int kElement = static_cast<int>(sizeof(Element));

  const char* name() const override { return Body::name; }
  bool runs() const override { return Body::runs(); }
  bool pools(const ConvShape& s, int) const override {
    return pooled_rows(kPanelBlocks) > 0 && s.stride_x == 1;
  }

  std::int64_t packed_bytes(const ConvShape& s, int lanes) const override {
    return std::int64_t{s.taps()} * padded_channels(s, lanes) * kElement * filter_blocks(s) * kByteBlock;
  }

  void pack(const ConvShape& s, int lanes, const std::int8_t* weights, std::uint8_t* packed) const override {
    parallel_for(panels_of(s), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t panel = begin; panel < end; ++panel) {
        pack_panel(s, lanes, weights, static_cast<int>(panel), packed + panel * panel_bytes(s, lanes));
      }
    });
  }

  void units(const ConvShape& s, const std::uint8_t*, float* to) const override {
    std::fill_n(to, s.k, 1.0f);
  }

  std::int64_t workspace(const ConvShape& s, int lanes, int threads) const override {
    const Bands b = bands_of(s, lanes, kElement, threads);
    return Scratch<std::uint8_t>::size(0, b.slot, threads);
  }

  void forward(const Int8ConvCall& call, ConstBytes x, Bytes y) const override {
    run(call, x, [&](Product& p, int image, int block, int row) {
      p.y = y.block(image, block) + std::int64_t{row / shrink(call)} * y.w * kByteBlock;
      p.y_block = y.plane();
    });
  }
  void forward(const Int8ConvCall& call, ConstBytes x, Tensor y) const override {
    run(call, x, [&](Product& p, int image, int block, int row) {
      const int first = block * kVectors;
      p.y_floats = y.block(image, first) + std::int64_t{row} * y.w * kBlock;
      p.y_floats_block = y.plane();
      p.y_floats_blocks = y.blocks() - first;
    });
  }

 private:
  // Rows, and columns, of outputs for one of y.
  static int shrink(const Int8ConvCall& call) { return call.pooled ? 2 : 1; }
  static int filter_blocks(const ConvShape& s) { return (s.k + kByteBlock - 1) / kByteBlock; }
  static int channel_blocks(const ConvShape& s, int lanes) { return (s.c + lanes - 1) / lanes; }
  static int padded_channels(const ConvShape& s, int lanes) { return channel_blocks(s, lanes) * lanes; }
  // Of all panels but the last, which may be narrower.
  static std::int64_t panel_bytes(const ConvShape& s, int lanes) {
    return std::int64_t{s.taps()} * padded_channels(s, lanes) * kElement * kPanelBlocks * kByteBlock;
  }
  static int blocks_in(const ConvShape& s, int panel) {
    return std::min(kPanelBlocks, filter_blocks(s) - panel * kPanelBlocks);
  }

  // [channel block][tap][word][filter][element of the word], zeros past k and c.
  static void pack_panel(const ConvShape& s, int lanes, const std::int8_t* weights, int panel,
                         std::uint8_t* packed) {
    constexpr int kGroup = Body::kGroup;
    auto* to = reinterpret_cast<Element*>(packed);
    const int filters = blocks_in(s, panel) * kByteBlock, first = panel * kPanelBlocks * kByteBlock;
    for (int block = 0; block < channel_blocks(s, lanes); ++block) {
      for (int tap = 0; tap < s.taps(); ++tap) {
        for (int word = 0; word < lanes / kGroup; ++word) {
          for (int k = first; k < first + filters; ++k) {
            for (int i = 0; i < kGroup; ++i) {
              const int c = block * lanes + word * kGroup + i;
              const bool in = k < s.k && c < s.c;
              const auto value = in ? weights[(std::int64_t{k} * s.c + c) * s.taps() + tap] : std::int8_t{0};
              *to++ = static_cast<Element>(value);
            }
          }
        }
      }
    }
  }

  template <class Place>
  void run(const Int8ConvCall& call, ConstBytes x, const Place& place) const {
    const ConvShape& s = call.shape;
    const int threads = allowed_threads(call, x.lanes);
    const Bands b = bands_of(s, x.lanes, kElement, threads);
    const std::vector<std::ptrdiff_t> taps = taps_of(s, b, x.blocks);
    const Scratch<std::uint8_t> scratch(call.workspace, call.workspace_bytes, 0, threads);
    const int parts = std::min(threads, b.count * b.chunks);
    Tasks tasks(std::int64_t{b.count} * b.chunks, parts);
    parallel_parts(parts, [&](int part, int) {
      std::uint8_t* copy = scratch.own(part);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (!b.in_place && copied != band) copy_band<Element>(s, b, copied = band, x, call.zero, copy);
        const std::uint8_t* source = b.in_place ? in_place(s, b, x, band) : copy;
        const int panels = panels_of(s);
        const auto last = part_begin(panels, chunk + 1, b.chunks);
        for (auto panel = part_begin(panels, chunk, b.chunks); panel < last; ++panel) {
          band_product(call, x, b, taps, source, band, static_cast<int>(panel), place);
        }
      }
    });
  }

  int allowed_threads(const Int8ConvCall& call, int lanes) const {
    int threads = num_threads();
    while (threads > 1 && workspace(call.shape, lanes, threads) > call.workspace_bytes) --threads;
    return threads;
  }

  static const std::uint8_t* in_place(const ConvShape& s, const Bands& b, ConstBytes x, int band) {
    return x.block(band / b.per_image, 0) + std::int64_t{band % b.per_image} * b.rows * s.stride_y * b.row;
  }

  template <class Place>
  static void band_product(const Int8ConvCall& call, ConstBytes x, const Bands& b,
                           const std::vector<std::ptrdiff_t>& taps, const std::uint8_t* source, int band,
                           int panel, const Place& place) {
    const ConvShape& s = call.shape;
    const int first = band % b.per_image * b.rows, rows = std::min(b.rows, s.out_h() - first);
    const int block = panel * kPanelBlocks, blocks = blocks_in(s, panel);
    Product p{};
    p.x_pixel = b.pixel * s.stride_x;
    p.x_below = b.row * s.stride_y;
    p.offsets = taps.data();
    p.count = static_cast<int>(taps.size());
    p.weights = call.packed + panel * panel_bytes(s, x.lanes);
    const Requantisation& out = call.requantisation;
    p.out = {out.start + block * kByteBlock, out.scale + block * kByteBlock, out.slope, out.zero};
    place(p, band / b.per_image, block, first);
    // Rows without gaps between their pixels are one.
    const bool one_run =
        !call.pooled && s.taps() == 1 && s.stride_x == 1 && s.stride_y == 1 && b.width == s.out_w();
    const int shrunk = shrink(call), width = s.out_w() / shrunk;
    const int runs = one_run ? 1 : rows / shrunk, pixels = one_run ? rows * width : width;
    const Kernels kernels = KernelsOf::choose(x.lanes, p.x_pixel, blocks, call.pooled);
    const int calls = runs * ((pixels + kernels.most - 1) / kernels.most);
    p.ahead = p.weights + (panel + 1 < panels_of(s) ? panel_bytes(s, x.lanes) : 0);
    p.ahead_step = panel + 1 < panels_of(s) ? panel_bytes(s, x.lanes) / (std::int64_t{calls} * p.count) : 0;
    const Product begin = p;
    for (int run = 0; run < runs; ++run) {
      p.x = source + run * shrunk * p.x_below;
      if (p.y) p.y = begin.y + std::int64_t{run} * width * kByteBlock;
      if (p.y_floats) p.y_floats = begin.y_floats + std::int64_t{run} * width * kBlock;
      row_product(p, pixels, shrunk * p.x_pixel, kernels);
    }
  }
};

const Int8Convolution& madd_convolution();
// nullptr where no such instruction exists.
const Int8Convolution* dot_convolution();
// By what simd::multiplier() names; nullptr if that is the vectors.
const Int8Convolution* matrix_convolution();

}  // namespace pydarknet::int8
