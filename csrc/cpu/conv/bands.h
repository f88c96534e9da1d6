// How a direct convolution is cut into bands of output rows, and the copies of their input.
#pragma once
#include <algorithm>
#include <cstring>

#include "cpu/conv/format.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/microkernel.h"
#include "ops/conv.h"
#include "shared/threads.h"

namespace pydarknet::bands {

// A band's input should stay in the second-level cache beside the weights that pass through;
inline constexpr std::int64_t kBandBytes = 768 << 10;
// as BF16, if the weights are few, with the floats of the band after it, which is asked for meanwhile;
inline constexpr std::int64_t kLeastBandBytes = 64 << 10;
// that of a plain image, whose weights are few, in less: a small share of its rows is read twice even so.
inline constexpr std::int64_t kPlainBandBytes = 128 << 10;
// How the convolution is cut, and where a band's input lies. Strides are in floats; `pitch` is that from one
// output pixel to the next: kBlock, half of it where a band is copied as BF16, or (plain) 1.
struct Bands {
  int pitch;
  bool in_place;                     // the band is the input itself
  bool images;                       // one output pixel an image: images take the place of columns
  bool whole_rows;                   // a band is blocked rows of the input, without a border
  bool one_run;                      // the band's pixels follow each other without gaps
  bool asks;                         // for the next band's input, while a band is multiplied
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
  Geometry(const ConvShape& shape, const WeightFormat& format, bool plain, int panels, int threads)
      : s_(shape), channels_(plain ? s_.c : blocks_of(s_.c)) {
    b_.pitch = plain ? 1 : format.pitch();
    b_.phases = std::min(s_.stride_x, s_.kernel_w);
    b_.columns = s_.out_w() + (s_.kernel_w - 1) / s_.stride_x;
    b_.row_step = s_.kernel_h == 1 ? 1 : s_.stride_y;
    b_.images = !plain && s_.n > 1 && s_.out_h() == 1 && s_.out_w() == 1 && s_.pad_y == 0 && s_.pad_x == 0;
    b_.in_place = !plain && !format.paired() && !b_.images && s_.pad_y == 0 && s_.pad_x == 0 &&
                  s_.stride_x == 1 && (s_.kernel_h > 1 || s_.stride_y == 1);
    b_.whole_rows =
        !plain && s_.taps() == 1 && s_.stride_y == 1 && s_.stride_x == 1 && s_.pad_y == 0 && s_.pad_x == 0;
    b_.one_run = b_.images || (s_.kernel_w == 1 && s_.kernel_h == 1 && (!b_.in_place || s_.out_w() == s_.w));
    choose_rows(threads);
    b_.chunks = threads == 1 ? 1 : std::min(ceil_div(threads * kTasksEach, b_.count), panels);
    b_.asks = held_bytes() > 0 && b_.count > 1;
    set_strides();
  }
  const Bands& bands() const { return b_; }

 private:
  void choose_rows(int threads) {
    const int all = b_.images ? s_.n : s_.out_h();
    const std::int64_t row_bytes =
        std::int64_t{4} * channels_ * b_.pitch *
        (b_.images ? std::int64_t{s_.h} * s_.w : std::int64_t{b_.columns} * b_.phases * b_.row_step);
    std::int64_t rows =
        std::clamp<std::int64_t>((b_.pitch == 1 ? kPlainBandBytes : band_bytes()) / row_bytes, 1, all);
    if (b_.images) rows = std::min(all, std::max<int>(static_cast<int>(rows), simd::kRows));
    b_.per_image = ceil_div(all, rows);
    const int images = b_.images ? 1 : s_.n;
    // A multiple of the threads, if there is more than one band anyway, or a copy takes longer than weights.
    const bool several = b_.per_image > 1 || (!b_.in_place && weight_bytes() < input_bytes());
    while (threads > 1 && several && b_.per_image < all && b_.per_image * images % threads != 0) {
      ++b_.per_image;
    }
    b_.rows = ceil_div(all, b_.per_image);
    if (b_.pitch == 1 && all % 2 == 0) b_.rows += b_.rows % 2;  // pairs of rows may be pooled
    b_.per_image = ceil_div(all, b_.rows);
    b_.count = b_.per_image * images;
  }

  std::int64_t band_bytes() const { return held_bytes() > 0 ? held_bytes() : kBandBytes; }

  // Of a band as BF16 beside all weights and the next band's floats, twice as large; 0 if that is too little.
  std::int64_t held_bytes() const {
    if (b_.pitch != kBlock / 2 || b_.images || input_bytes() <= 4 * kFarFloats) return 0;
    const std::int64_t room = (kBandBytes - weight_bytes()) / 3;
    return room < kLeastBandBytes ? 0 : room;
  }

  std::int64_t input_bytes() const { return std::int64_t{4} * s_.n * s_.c * s_.h * s_.w; }
  // In the floats that take a pixel's place.
  std::int64_t weight_bytes() const {
    return std::int64_t{4} * s_.k * (s_.c / s_.groups) * s_.taps() * b_.pitch / kBlock;
  }

  void set_strides() {
    if (b_.in_place) {
      b_.phase = 0;
      b_.row = std::int64_t{s_.w} * b_.pitch;
      b_.channel = b_.row * s_.h;
      b_.slot = 0;
    } else if (b_.images) {
      b_.phase = std::int64_t{b_.rows} * b_.pitch;  // from one tap to the next
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

// A band's input that no band before it has, of each channel block: asked for in so many equal parts.
class NextBand {
 public:
  NextBand() = default;
  NextBand(const float* from, std::int64_t floats, std::int64_t block, int blocks)
      : at_(from), left_(floats), floats_(floats), block_(block), blocks_(blocks) {}

  void set_parts(std::int64_t parts) { part_ = (floats_ * blocks_ + parts - 1) / parts; }

  // What is asked for in so many steps.
  simd::Ahead take(std::int64_t steps) {
    const simd::Ahead asked = simd::ahead(at_, part_, steps);
    at_ += part_;
    left_ -= part_;
    if (left_ <= 0 && blocks_ > 1) {
      --blocks_;
      at_ += left_ + block_ - floats_;
      left_ = floats_;
    }
    return asked;
  }

 private:
  const float* at_ = nullptr;
  std::int64_t left_ = 0, floats_ = 0, block_ = 0, part_ = 0;
  int blocks_ = 0;
};

// Copies the input of one band, zeros around it.
class BandCopy {
 public:
  BandCopy(const ConvShape& shape, const Bands& bands, const float* x)
      : s_(shape), b_(bands), x_(x), from_pitch_(bands.pitch == 1 ? 1 : kBlock) {}

  // Of the band after this one; nothing, at an address, after the last.
  NextBand next(int band) const {
    if (++band >= b_.count) return {x_, 0, 0, 0};
    const int first = band % b_.per_image * b_.rows, last = std::min(s_.out_h(), first + b_.rows) - 1;
    const int seen = first > 0 ? std::max(0, s_.kernel_h - s_.stride_y) : 0;
    const int begin = std::clamp(first * s_.stride_y - s_.pad_y + seen, 0, s_.h);
    const int end = std::clamp(last * s_.stride_y - s_.pad_y + s_.kernel_h, begin, s_.h);
    const std::int64_t row = std::int64_t{s_.w} * kBlock, plane = row * s_.h;
    return {x_ + band / b_.per_image * blocks_of(s_.c) * plane + begin * row, (end - begin) * row, plane,
            blocks_of(s_.c)};
  }

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
        copy_pixels(from + t * kBlock, 1, 1, c, to + t * b_.phase + (image - first) * b_.pitch);
      }
    }
  }

  void copy_rows(int band, int c, int channels, float* to) const {
    const int image = band / b_.per_image, first = band % b_.per_image * b_.rows;
    const int out_rows = std::min(b_.rows, s_.out_h() - first);
    const float* plane = x_ + (std::int64_t{image} * channels + c) * s_.h * s_.w * from_pitch_;
    const int rows = (out_rows - 1) * b_.row_step + s_.kernel_h;
    if (b_.whole_rows) {
      copy_pixels(plane + std::int64_t{first} * s_.w * kBlock, rows * s_.w, 1, c, to);
      return;
    }
    for (int i = 0; i < rows; ++i, to += b_.row) {
      const int y =
          s_.kernel_h == 1 ? (first + i) * s_.stride_y - s_.pad_y : first * s_.stride_y - s_.pad_y + i;
      if (y < 0 || y >= s_.h) {
        std::memset(to, 0, sizeof(float) * b_.row);
      } else {
        const float* from = plane + std::int64_t{y} * s_.w * from_pitch_;
        for (int phase = 0; phase < b_.phases; ++phase) copy_phase(from, phase, c, to + phase * b_.phase);
      }
    }
  }

  // Column q of the phase is column q * stride_x + phase - pad_x of the input.
  void copy_phase(const float* from, int phase, int c, float* to) const {
    const int start = phase - s_.pad_x;
    const int left = std::clamp(ceil_div(std::max(0, -start), s_.stride_x), 0, b_.columns);
    const int end = start >= s_.w ? 0 : (s_.w - 1 - start) / s_.stride_x + 1;
    const int right = std::clamp(end, left, b_.columns);
    const int pitch = b_.pitch;
    std::memset(to, 0, sizeof(float) * left * pitch);
    std::memset(to + right * pitch, 0, sizeof(float) * (b_.columns - right) * pitch);
    if (left == right) return;
    from += (std::int64_t{left} * s_.stride_x + start) * from_pitch_;
    if (pitch > 1) {
      copy_pixels(from, right - left, s_.stride_x, c, to + left * pitch);
    } else if (s_.stride_x == 1) {
      std::memcpy(to + left, from, sizeof(float) * (right - left));
    } else {
      for (int q = left; q < right; ++q, from += s_.stride_x) to[q] = *from;
    }
  }

  // Of channel block c, every step-th of pixels that follow each other.
  void copy_pixels(const float* from, int pixels, int step, int c, float* to) const {
    const std::ptrdiff_t next = std::ptrdiff_t{step} * kBlock;
    const int lanes = std::min(kBlock, s_.c - c * kBlock);
    if (b_.pitch == kBlock) {
      for (int i = 0; i < pixels; ++i, from += next, to += kBlock) simd::store(to, simd::load(from));
    } else if (lanes == kBlock) {
      for (int i = 0; i < pixels; ++i, from += next, to += kBlock / 2) {
        simd::Bf16Pairs::store(to, simd::load(from));
      }
    } else {
      // Spare lanes are multiplied by 0, but BF16 could make infinity of one.
      for (int i = 0; i < pixels; ++i, from += next, to += kBlock / 2) {
        simd::Bf16Pairs::store(to, simd::first_lanes(simd::load(from), lanes));
      }
    }
  }

  const ConvShape& s_;
  const Bands& b_;
  const float* x_;
  const int from_pitch_;
};

}  // namespace pydarknet::bands
