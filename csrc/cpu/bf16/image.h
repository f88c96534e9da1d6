// A convolution of images as one of BF16: a number is the sum of two BF16, its upper and its lower half, and
// so is a weight. A pixel has its channels' upper halves, their lower ones, and the upper ones once more,
// which meet the weights' upper halves twice, and then their lower ones.
#pragma once
#include <immintrin.h>

#include "cpu/bf16/matrices.h"

namespace pydarknet::bf16 {

// Pixels of one register, split and put side by side.
class SplitPixels {
  static constexpr int kMostWords = (3 * kMostImageChannels + 1) / 2;

 public:
  explicit SplitPixels(int channels) : channels_(channels), words_((3 * channels + 1) / 2) {
    for (int out = 0; out < words_; ++out) {
      for (int lane = 0; lane < kBlock; ++lane) {
        const int word = out * kBlock + lane;
        pixel_[out][lane] = word / words_;
        from_[out][word % words_] |= static_cast<__mmask16>(1u << lane);
      }
    }
  }
  int words() const { return words_; }

  // `count` pixels, up to a register's, of planes of which `from` is the first pixel.
  void operator()(const float* from, std::int64_t plane, int count, std::uint8_t* to) const {
    Words halves[2 * kMostWords] = {}, words[kMostWords];
    for (int c = 0; c < channels_; ++c) {
      const Lanes v = load_first(from + c * plane, count);
      const Words upper = rounded(v);
      halves[c] = halves[2 * channels_ + c] = upper;
      halves[channels_ + c] = rounded(v - simd::with_bits(upper << 16));
    }
    for (int i = 0; i < words_; ++i) words[i] = halves[2 * i] | halves[2 * i + 1] << 16;
    for (int out = 0; out < words_; ++out) {
      __m512i v = _mm512_setzero_si512();
      for (int i = 0; i < words_; ++i) {
        v = _mm512_mask_permutexvar_epi32(v, from_[out][i], (__m512i)pixel_[out], (__m512i)words[i]);
      }
      const int left = std::clamp(count * words_ - out * kBlock, 0, kBlock);
      _mm512_mask_storeu_epi32(to + out * sizeof v, static_cast<__mmask16>((1u << left) - 1), v);
    }
  }

 private:
  using Words = simd::Words;

  static Lanes load_first(const float* from, int count) {
    return (Lanes)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), from);
  }
  static Words rounded(Lanes v) { return __builtin_convertvector(simd::to_bf16(v), Words); }

  const int channels_, words_;
  simd::IntLanes pixel_[kMostWords] = {};        // of each word of an output
  __mmask16 from_[kMostWords][kMostWords] = {};  // which of them are the pixels' first, second, ...
};

class ImageSource {
 public:
  // `s` is what is multiplied.
  ImageSource(const ConvShape& s, const MatrixLayout& layout, const MatrixBands& bands, ConstPlain x)
      : s_(s), pixel_(layout.pixel), b_(bands), x_(x), split_(x.c) {}

  const std::uint8_t* operator()(int band, std::uint8_t* own) const {
    const int first = b_.first_row(band) * s_.stride_y - s_.pad_y;
    const int rows = (b_.rows_in(s_, band) - 1) * s_.stride_y + s_.kernel_h;
    for (int i = 0; i < rows; ++i) row(band / b_.per_image, first + i, own + i * b_.row);
    std::memset(own + rows * b_.row, 0, static_cast<std::size_t>(b_.slot - rows * b_.row));
    return own;
  }

 private:
  void row(int image, int y, std::uint8_t* to) const {
    const int inside = std::min(x_.w, b_.width - s_.pad_x);
    if (y < 0 || y >= x_.h || inside <= 0) {
      std::memset(to, 0, static_cast<std::size_t>(b_.row));
      return;
    }
    const std::ptrdiff_t left = std::ptrdiff_t{s_.pad_x} * pixel_, count = std::ptrdiff_t{inside} * pixel_;
    std::memset(to, 0, static_cast<std::size_t>(left));
    const float* from = x_.channel(image, 0) + std::int64_t{y} * x_.w;
    for (int j = 0; j < inside; j += kBlock) {
      split_(from + j, x_.plane(), std::min(kBlock, inside - j), to + left + std::ptrdiff_t{j} * pixel_);
    }
    std::memset(to + left + count, 0, static_cast<std::size_t>(b_.row - left - count));
  }

  const ConvShape& s_;
  const int pixel_;
  const MatrixBands& b_;
  const ConstPlain x_;
  const SplitPixels split_;
};

struct Image {
  using View = ConstPlain;
  using Source = ImageSource;
  static constexpr const char* kName = "direct_bf16_image";

  static ConvShape multiplied(ConvShape s) {
    s.c *= 3;
    return s;
  }
  static MatrixLayout layout(const ConvShape& s) { return {s, kHalf, (s.c + 1) / 2 * 4}; }
  static bool in_place(const MatrixLayout&) { return false; }
  static void pack(const ConvShape& s, const float* weights, std::uint8_t* packed) {
    const ConvShape to = multiplied(s);
    const std::int64_t of_filter = std::int64_t{s.c} * s.taps();
    std::vector<float> split;
    split.reserve(static_cast<std::size_t>(s.k * of_filter * 3));
    for (int k = 0; k < s.k; ++k, weights += of_filter) {
      split.insert(split.end(), weights, weights + of_filter);
      split.insert(split.end(), weights, weights + of_filter);
      for (std::int64_t i = 0; i < of_filter; ++i) split.push_back(weights[i] - upper_half(weights[i]));
    }
    pack_matrix_weights<std::uint16_t>(to, layout(to), split.data(), &bf16_of, packed);
  }

 private:
  static float upper_half(float value) {
    const std::uint32_t bits = std::uint32_t{bf16_of(value)} << 16;
    float upper;
    std::memcpy(&upper, &bits, sizeof upper);
    return upper;
  }
};

}  // namespace pydarknet::bf16
