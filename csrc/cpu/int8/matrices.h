// Convolution in 8 bits by matrix registers. What reads an image goes by vectors.
#pragma once
#include <immintrin.h>

#include "cpu/int8/conv.h"
#include "cpu/matrices/convolve.h"
#include "cpu/matrices/weights.h"

namespace pydarknet::int8 {

static_assert(kVectors == 1 && kBlock == simd::kTileFilters);

// A band: kByteBlock channels of each block side by side, as many as the layout's pixels have; `zero` where
// there is no input.
class MatrixBandCopy {
 public:
  MatrixBandCopy(const ConvShape& s, const MatrixLayout& layout, const MatrixBands& bands, ConstBytes x,
                 int zero)
      : s_(s), layout_(layout), b_(bands), x_(x), zero_(zero) {}

  const std::uint8_t* operator()(int band, std::uint8_t* to) const {
    const int image = band / b_.per_image, first = b_.first_row(band);
    const int rows = (b_.rows_in(s_, band) - 1) * s_.stride_y + s_.kernel_h;
    for (int block = 0; block < layout_.blocks; ++block) {
      for (int i = 0; i < rows; ++i) {
        row(image, block, first * s_.stride_y - s_.pad_y + i, to + block * b_.channel + i * b_.row);
      }
      std::memset(to + block * b_.channel + rows * b_.row, zero_, static_cast<std::size_t>(b_.tail));
    }
    return to;
  }

 private:
  void row(int image, int block, int y, std::uint8_t* to) const {
    const int inside = std::min(x_.w, b_.width - s_.pad_x);
    if (y < 0 || y >= x_.h || inside <= 0) {
      std::memset(to, zero_, static_cast<std::size_t>(b_.row));
      return;
    }
    std::memset(to, zero_, static_cast<std::size_t>(s_.pad_x) * layout_.pixel);
    to += std::ptrdiff_t{s_.pad_x} * layout_.pixel;
    const int each = layout_.pixel / kByteBlock, first = block * each,
              there = std::min(each, x_.blocks - first);
    const std::uint8_t* from = x_.block(image, first) + std::int64_t{y} * x_.w * kByteBlock;
    switch (each == there ? each : 0) {
      case 1:
        std::memcpy(to, from, static_cast<std::size_t>(inside) * kByteBlock);
        break;
      case 2:
        join<2>(from, inside, to);
        break;
      case 4:
        join<4>(from, inside, to);
        break;
      default:
        std::memset(to, zero_, static_cast<std::size_t>(inside) * layout_.pixel);
        for (int i = 0; i < there; ++i) join<1>(from + i * x_.plane(), inside, to + i * kByteBlock);
    }
    const int right = b_.width - s_.pad_x - inside;
    std::memset(to + std::ptrdiff_t{inside} * layout_.pixel, zero_,
                static_cast<std::size_t>(right) * layout_.pixel);
  }

  // So many blocks of channels of each pixel.
  template <int kBlocks>
  void join(const std::uint8_t* from, int pixels, std::uint8_t* to) const {
    const std::ptrdiff_t plane = x_.plane(), step = layout_.pixel;
    for (int i = 0; i < pixels; ++i, from += kByteBlock, to += step) {
      PYDARKNET_UNROLL
      for (int block = 0; block < kBlocks; ++block)
        std::memcpy(to + block * kByteBlock, from + block * plane, kByteBlock);
    }
  }

  const ConvShape& s_;
  const MatrixLayout& layout_;
  const MatrixBands& b_;
  const ConstBytes x_;
  const int zero_;
};

using ByteSums = MatrixSums<std::int32_t>;

// Four pixels of a tile of filters are one register of bytes.
inline constexpr int kPixelsOfPart = 4;

// Masks of all: GCC 12 warns of what its intrinsics without one leave undefined.

// Bytes of sums that have their start already, as a Requantisation says.
class ToBytes {
 public:
  explicit ToBytes(const Requantisation& out) : out_(out) {}

  // Of four pixels and the 16 filters from this one on, pixel by pixel; sums(i) are those of one.
  template <class Sums>
  PYDARKNET_INLINE __m512i operator()(int filter, Sums sums) const {
    const __m512 scale = _mm512_loadu_ps(out_.scale + filter), slope = _mm512_set1_ps(out_.slope);
    const __m512i zero = _mm512_set1_epi16(static_cast<short>(out_.zero));
    const __m512i ab = _mm512_packs_epi32(rounded(sums(0), scale, slope), rounded(sums(1), scale, slope));
    const __m512i cd = _mm512_packs_epi32(rounded(sums(2), scale, slope), rounded(sums(3), scale, slope));
    const __m512i bytes = _mm512_packus_epi16(_mm512_adds_epi16(ab, zero), _mm512_adds_epi16(cd, zero));
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_maskz_permutexvar_epi32(0xffff, order, bytes);
  }

 private:
  // Beyond any byte it is kMost, or some number below all.
  PYDARKNET_INLINE static __m512i rounded(__m512i sum, __m512 scale, __m512 slope) {
    constexpr float kMost = 1e6f;
    const __m512 f = _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(0xffff, sum), scale);
    const __m512 rectified = _mm512_maskz_max_ps(0xffff, _mm512_mul_ps(f, slope), f);
    return _mm512_maskz_cvtps_epi32(0xffff, _mm512_maskz_min_ps(0xffff, _mm512_set1_ps(kMost), rectified));
  }

  const Requantisation out_;
};

// Of four pixels of a tile of filters; the first `pixels` of them, one behind the other.
PYDARKNET_INLINE void store_pixels(std::uint8_t* to, __m512i bytes, int pixels) {
  if (pixels >= kPixelsOfPart) return _mm512_storeu_si512(to, bytes);
  _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1u << kPixelsOfPart * pixels) - 1), bytes);
}
// The same, each at its place.
PYDARKNET_INLINE void store_pixels(std::uint8_t* plane, const int* places, __m512i bytes, int pixels) {
  if (pixels >= kPixelsOfPart && places[kPixelsOfPart - 1] - places[0] == kPixelsOfPart - 1) {
    return _mm512_storeu_si512(plane + std::int64_t{places[0]} * kByteBlock, bytes);
  }
  alignas(64) std::uint8_t one_by_one[kPixelsOfPart * kByteBlock];
  _mm512_store_si512(one_by_one, bytes);
  for (int i = 0; i < std::min(pixels, kPixelsOfPart); ++i) {
    std::memcpy(plane + std::int64_t{places[i]} * kByteBlock, one_by_one + i * kByteBlock, kByteBlock);
  }
}

// Each part is up to four pixels of a tile of filters.
struct PartOfSums {
  static constexpr unsigned kParts = simd::kMatrixRows / kPixelsOfPart;
  explicit PartOfSums(unsigned part)
      : filter_tile(part / (kParts * simd::kPixelTiles)),
        tile(part / kParts % simd::kPixelTiles),
        pixel(part % kParts * kPixelsOfPart) {}
  static unsigned count(const ByteSums& found) { return kParts * simd::kPixelTiles * found.filter_tiles; }
  bool empty(const ByteSums& found) const { return tile >= found.pixel_tiles || pixel >= found.pixels; }

  int filter_tile, tile, pixel;
};

class WriteBytes {
 public:
  WriteBytes(const Requantisation& out, Bytes y) : to_bytes_(out), y_(y) {}

  unsigned begin(const ByteSums& found) {
    found_ = found;
    for (int j = 0; j < found.filter_tiles; ++j)
      planes_[j] = y_.block(found.image, found.filter(j) / kByteBlock);
    return PartOfSums::count(found);
  }
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const PartOfSums at(part);
    if (at.empty(found_)) return;
    const std::int32_t* from = found_.at(at.tile, at.pixel, at.filter_tile);
    store_pixels(planes_[at.filter_tile] + found_.begin(at.tile, y_.w) * kByteBlock,
                 found_.places(at.tile) + at.pixel,
                 to_bytes_(found_.filter(at.filter_tile),
                           [&](int i) { return _mm512_loadu_si512(from + i * simd::kSumsPitch); }),
                 found_.pixels - at.pixel);
  }

 private:
  const ToBytes to_bytes_;
  const Bytes y_;
  ByteSums found_{};
  std::uint8_t* planes_[simd::kFilterTiles] = {};
};

// The largest of each window, which is two pixels of the first tile and those below.
class WriteLargest {
 public:
  WriteLargest(const Requantisation& out, Bytes y) : to_bytes_(out), y_(y) {}

  unsigned begin(const ByteSums& found) {
    found_ = found;
    for (int j = 0; j < found.filter_tiles; ++j) {
      to_[j] = y_.block(found.image, found.filter(j) / kByteBlock) +
               (std::int64_t{found.row() / 2} * y_.w + found.column() / 2) * kByteBlock;
    }
    return kParts * found.filter_tiles;
  }
  PYDARKNET_INLINE void operator()(unsigned part) const {
    const int tile = part / kParts, first = part % kParts * kPixelsOfPart;
    if (2 * first >= found_.pixels) return;
    const auto largest = [&](int i) {
      const std::int32_t *from = found_.at(0, 2 * (first + i), tile), *below = from + simd::kSumsTile;
      return larger(larger(from, from + simd::kSumsPitch), larger(below, below + simd::kSumsPitch));
    };
    store_pixels(to_[tile] + first * kByteBlock, to_bytes_(found_.filter(tile), largest),
                 found_.pixels / 2 - first);
  }

 private:
  static constexpr unsigned kParts = simd::kMatrixRows / 2 / kPixelsOfPart;
  PYDARKNET_INLINE static __m512i larger(__m512i a, __m512i b) {
    return _mm512_maskz_max_epi32(0xffff, a, b);
  }
  PYDARKNET_INLINE static __m512i larger(const std::int32_t* a, const std::int32_t* b) {
    return larger(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
  }

  const ToBytes to_bytes_;
  const Bytes y_;
  ByteSums found_{};
  std::uint8_t* to_[simd::kFilterTiles] = {};
};

class WriteFloats {
 public:
  WriteFloats(const Requantisation& out, Tensor y) : out_(out), y_(y) {}

  unsigned begin(const ByteSums& found) {
    found_ = found;
    return PartOfSums::count(found);
  }
  void operator()(unsigned part) const {
    const PartOfSums at(part);
    if (at.empty(found_)) return;
    const int filter = found_.filter(at.filter_tile);
    float* const row = y_.block(found_.image, filter / kBlock) + found_.begin(at.tile, y_.w) * kBlock;
    const int* const places = found_.places(at.tile);
    const Lanes scale = simd::load(out_.scale + filter);
    for (int r = at.pixel, end = std::min(found_.pixels, at.pixel + kPixelsOfPart); r < end; ++r) {
      IntLanes sum;
      std::memcpy(&sum, found_.at(at.tile, r, at.filter_tile), sizeof sum);
      const Lanes f = __builtin_convertvector(sum, Lanes) * scale;
      simd::store(row + std::int64_t{places[r]} * kBlock, simd::max(f * out_.slope, f));
    }
  }

 private:
  const Requantisation out_;
  const Tensor y_;
  ByteSums found_{};
};

// By Matrices; Vectors reads images.
template <class Matrices, class Vectors>
class ByMatrices : public Int8Convolution {
 public:
  explicit ByMatrices(const char* name) : name_(name) {}
  const char* name() const override { return name_; }
  bool runs() const override { return vectors_.runs(); }
  bool pools(const ConvShape& s, int lanes) const override {
    return lanes != kImageBlock || vectors_.pools(s, lanes);
  }

  std::int64_t packed_bytes(const ConvShape& s, int lanes) const override {
    return lanes == kImageBlock ? vectors_.packed_bytes(s, lanes) : MatrixLayout(s, 1).packed_bytes();
  }
  void pack(const ConvShape& s, int lanes, const std::int8_t* weights, std::uint8_t* packed) const override {
    if (lanes == kImageBlock) return vectors_.pack(s, lanes, weights, packed);
    pack_matrix_weights<std::int8_t>(s, MatrixLayout(s, 1), weights, [](std::int8_t w) { return w; }, packed);
  }
  void units(const ConvShape& s, const std::uint8_t* packed, float* to) const override {
    vectors_.units(s, packed, to);
  }
  std::int64_t workspace(const ConvShape& s, int lanes, int threads) const override {
    if (lanes == kImageBlock) return vectors_.workspace(s, lanes, threads);
    return Scratch<std::uint8_t>::size(0, MatrixBands::most_own(s, MatrixLayout(s, 1), false, threads),
                                       threads);
  }

  void forward(const Int8ConvCall& call, ConstBytes x, Bytes y) const override {
    if (x.lanes == kImageBlock) return vectors_.forward(call, x, y);
    call.pooled ? run(call, x, WriteLargest(call.requantisation, y))
                : run(call, x, WriteBytes(call.requantisation, y));
  }
  void forward(const Int8ConvCall& call, ConstBytes x, Tensor y) const override {
    if (x.lanes == kImageBlock) return vectors_.forward(call, x, y);
    run(call, x, WriteFloats(call.requantisation, y));
  }

 private:
  template <class Finish>
  void run(const Int8ConvCall& call, ConstBytes x, const Finish& finish) const {
    const ConvShape& s = call.shape;
    int threads = num_threads();
    while (threads > 1 && workspace(s, x.lanes, threads) > call.workspace_bytes) --threads;
    const MatrixLayout layout(s, 1);
    const MatrixBands bands(s, layout, {false, call.pooled}, threads);
    const MatrixStart<std::int32_t> start(call.requantisation.start, layout.tiles * simd::kTileFilters);
    const MatrixTasks<simd::ByteFactors> tasks{s, layout, bands, call.packed, start};
    tasks.template run<Matrices>(Scratch<std::uint8_t>(call.workspace, call.workspace_bytes, 0, threads),
                                 threads, MatrixBandCopy(s, layout, bands, x, call.zero), finish);
  }

  const char* const name_;
  const Vectors vectors_;
};

}  // namespace pydarknet::int8
