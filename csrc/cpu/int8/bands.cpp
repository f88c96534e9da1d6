#include "cpu/int8/conv.h"
#include "cpu/int8/tiles.h"
#include "cpu/lib/sizes.h"

namespace pydarknet {
namespace int8 {
namespace {

// A band's input should stay in the second-level cache beside the weights that pass through.
constexpr std::int64_t kBandBytes = 384 << 10;

}  // namespace

int panels_of(const ConvShape& s) { return ceil_div(s.k, kPanelBlocks * kByteBlock); }

Bands bands_of(const ConvShape& s, int lanes, int element, int threads) {
  Bands b{};
  const int blocks = ceil_div(s.c, lanes), all = s.out_h();
  b.pixel = std::ptrdiff_t{lanes} * element;
  b.in_place = element == 1 && s.pad_y == 0 && s.pad_x == 0;
  b.width = b.in_place ? s.w : (s.out_w() - 1) * s.stride_x + s.kernel_w;
  b.row = b.width * b.pixel;
  const std::int64_t most = std::clamp<std::int64_t>(kBandBytes / (b.row * blocks * s.stride_y), 1, all);
  b.per_image = ceil_div(all, most);
  // A multiple of the threads, if there is more than one band anyway.
  while (threads > 1 && b.per_image > 1 && b.per_image < all && b.per_image * s.n % threads != 0) {
    ++b.per_image;
  }
  b.rows = (ceil_div(all, b.per_image) + 1) / 2 * 2;  // whole windows, if they are pooled
  b.per_image = ceil_div(all, b.rows);
  b.count = b.per_image * s.n;
  b.chunks = threads == 1 ? 1 : std::min(ceil_div(threads * kTasksEach, b.count), panels_of(s));
  if (b.in_place) {
    b.channel = b.row * s.h;
  } else {
    b.channel = b.row * ((std::int64_t{b.rows} - 1) * s.stride_y + s.kernel_h);
    b.slot = (b.channel * blocks + 63) / 64 * 64;
  }
  return b;
}

std::vector<std::ptrdiff_t> taps_of(const ConvShape& s, const Bands& b, int blocks) {
  std::vector<std::ptrdiff_t> taps;
  for (int block = 0; block < blocks; ++block) {
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) taps.push_back(block * b.channel + ky * b.row + kx * b.pixel);
    }
  }
  return taps;
}

}  // namespace int8

std::vector<const Int8Convolution*> int8_convolutions(bool tiles) {
  std::vector<const Int8Convolution*> list;
  const Int8Convolution* dot = tiles ? int8::dot_tiles() : int8::dot_convolution();
  const Int8Convolution* matrices = tiles ? nullptr : int8::matrix_convolution();
  if (matrices && matrices->runs()) list.push_back(matrices);
  if (dot && dot->runs()) list.push_back(dot);
  list.push_back(tiles ? &int8::madd_tiles() : &int8::madd_convolution());
  return list;
}

bool int8_supports(const ConvShape& s) {
  constexpr std::int64_t kLargestTerm = 255 * 127, kLargestSum = (std::int64_t{1} << 31) - 1;
  return s.groups == 1 && std::int64_t{s.c} * s.taps() <= kLargestSum / kLargestTerm;
}

bool int8_tiles(const ConvShape& s) {
  constexpr std::int64_t kMostChannels = 8192;  // whose sums fit 32 bits, with nine of them in an output
  return s.groups == 1 && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_x == 1 && s.stride_y == 1 &&
         s.c <= kMostChannels;
}

}  // namespace pydarknet
