// A convolution of images as one of BF16: a number is the sum of two BF16, its upper and its lower half, and
// so is a weight. A pixel has its channels' upper halves, their lower ones, and the upper ones once more,
// which meet the weights' upper halves twice, and then their lower ones.
#pragma once
#include <immintrin.h>

#include "cpu/bf16/matrices.h"

namespace pydarknet::bf16 {

// Pixels of kChannels, a register of them split and put side by side.
template <class Rounding, int kChannels>
class SplitPixels {
  static constexpr int kWords = (3 * kChannels + 1) / 2;  // of a pixel

 public:
  SplitPixels() {
    for (int out = 0; out < kWords; ++out) {
      for (int lane = 0; lane < kBlock; ++lane) {
        const int word = out * kBlock + lane;
        pixel_[out][lane] = word / kWords;
        from_[out][word % kWords] |= static_cast<__mmask16>(1u << lane);
      }
    }
  }

  // `count` pixels of planes of which `from` is the first one.
  void operator()(const float* from, std::int64_t plane, int count, std::uint8_t* to) const {
    for (; count > kBlock; count -= kBlock, from += kBlock, to += sizeof(Words) * kWords) {
      some(from, plane, kBlock, to);
    }
    some(from, plane, count, to);
  }

 private:
  using Words = simd::Words;

  // Of one register.
  PYDARKNET_INLINE void some(const float* from, std::int64_t plane, int count, std::uint8_t* to) const {
    const auto there = static_cast<__mmask16>((1u << count) - 1);
    Words halves[2 * kWords] = {}, words[kWords];
    for (int c = 0; c < kChannels; ++c) {
      const auto v = (Lanes)_mm512_maskz_loadu_ps(there, from + c * plane);
      const Words upper = Rounding::words(v);
      halves[c] = halves[2 * kChannels + c] = upper;
      halves[kChannels + c] = Rounding::words(v - simd::with_bits(upper << 16));
    }
    for (int i = 0; i < kWords; ++i) words[i] = halves[2 * i] | halves[2 * i + 1] << 16;
    for (int out = 0; out < kWords; ++out) {
      __m512i v = _mm512_setzero_si512();
      for (int i = 0; i < kWords; ++i) {
        v = _mm512_mask_permutexvar_epi32(v, from_[out][i], (__m512i)pixel_[out], (__m512i)words[i]);
      }
      const int left = std::clamp(count * kWords - out * kBlock, 0, kBlock);
      _mm512_mask_storeu_epi32(to + out * sizeof v, static_cast<__mmask16>((1u << left) - 1), v);
    }
  }

  simd::IntLanes pixel_[kWords] = {};    // of each word of an output
  __mmask16 from_[kWords][kWords] = {};  // which of them are the pixels' first, second, ...
};

template <class Rounding>
class ImageSource {
 public:
  // `s` is what is multiplied.
  ImageSource(const ConvShape& s, const MatrixLayout& layout, const MatrixBands& bands, ConstPlain x)
      : s_(s), pixel_(layout.pixel), b_(bands), x_(x) {}

  const std::uint8_t* operator()(int band, std::uint8_t* own) const {
    switch (x_.c) {
      case 1:
        return copied<1>(band, own);
      case 2:
        return copied<2>(band, own);
      case 3:
        return copied<3>(band, own);
      default:
        return copied<kMostImageChannels>(band, own);
    }
  }

 private:
  template <int kChannels>
  const std::uint8_t* copied(int band, std::uint8_t* own) const {
    const SplitPixels<Rounding, kChannels> split;
    const int first = b_.first_row(band) * s_.stride_y - s_.pad_y;
    const int rows = (b_.rows_in(s_, band) - 1) * s_.stride_y + s_.kernel_h;
    for (int i = 0; i < rows; ++i) row(split, band / b_.per_image, first + i, own + i * b_.row);
    std::memset(own + rows * b_.row, 0, static_cast<std::size_t>(b_.slot - rows * b_.row));
    return own;
  }

  template <class Split>
  void row(const Split& split, int image, int y, std::uint8_t* to) const {
    const int inside = std::min(x_.w, b_.width - s_.pad_x);
    if (y < 0 || y >= x_.h || inside <= 0) {
      std::memset(to, 0, static_cast<std::size_t>(b_.row));
      return;
    }
    const std::ptrdiff_t left = std::ptrdiff_t{s_.pad_x} * pixel_, count = std::ptrdiff_t{inside} * pixel_;
    std::memset(to, 0, static_cast<std::size_t>(left));
    split(x_.channel(image, 0) + std::int64_t{y} * x_.w, x_.plane(), inside, to + left);
    std::memset(to + left + count, 0, static_cast<std::size_t>(b_.row - left - count));
  }

  const ConvShape& s_;
  const int pixel_;
  const MatrixBands& b_;
  const ConstPlain x_;
};

struct Image {
  using View = ConstPlain;
  template <class Rounding>
  using Source = ImageSource<Rounding>;
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
