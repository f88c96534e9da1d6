// The factors of weights' gradients by matrix registers, as BF16. All images' pixels stand in one line, row
// after row, with padding's zeros between rows and between images: so a tap is a distance in the line, and
// what dy meets at each of its pixels. x has pairs of pixels, those that begin at even places and, for taps
// at odd distances, at odd ones; dy has a row of each filter's pixels for each step.
#pragma once
#include <cstdint>

#include "cpu/lib/sizes.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/matrix_wgrad.h"
#include "cpu/simd/transpose.h"
#include "ops/conv.h"

namespace pydarknet::weight_gradient {

// Rows share the zeros between them, and so do images: the padding is below the kernel.
struct PixelLine {
  explicit PixelLine(const ConvShape& s)
      : rows(s.h + s.pad_y),
        columns(s.w + s.pad_x),
        steps(ceil_div(std::int64_t{s.n} * rows * columns, simd::kStepPixels)),
        beyond(ceil_div(at(s.kernel_h - 1, s.kernel_w - 1), simd::kStepPixels)) {}
  std::int64_t at(int row, int column) const { return std::int64_t{row} * columns + column; }

  int rows, columns;  // of an image
  int steps, beyond;  // of kStepPixels: of all images; of x, further than dy by the last tap
};

// The pixels of a channel block from some place in the line on, zeros between them.
class PixelWalk {
 public:
  // `top`, `left`: where an image's first pixel is.
  PixelWalk(ConstTensor from, int block, const PixelLine& line, int top, int left, std::int64_t place)
      : from_(from), line_(line), block_(block), top_(top), left_(left) {
    const std::int64_t row = place / line.columns;
    image_ = static_cast<int>(row / line.rows);
    row_ = static_cast<int>(row % line.rows);
    column_ = static_cast<int>(place % line.columns);
    enter_row();
  }

  const float* next() {
    const int x = column_ - left_;
    const float* const at = x >= 0 && x < width_ ? pixels_ + std::ptrdiff_t{x} * kBlock : kZeros;
    if (++column_ == line_.columns) next_row();
    return at;
  }

 private:
  static constexpr float kZeros[kBlock] = {};

  void next_row() {
    column_ = 0;
    if (++row_ == line_.rows) row_ = 0, ++image_;
    enter_row();
  }
  void enter_row() {
    const int y = row_ - top_;
    const bool there = image_ < from_.n && y >= 0 && y < from_.h;
    width_ = there ? from_.w : 0;
    pixels_ = there ? from_.block(image_, block_) + std::int64_t{y} * from_.w * kBlock : kZeros;
  }

  const ConstTensor from_;
  const PixelLine& line_;
  const int block_, top_, left_;
  int image_, row_, column_, width_;
  const float* pixels_;
};

// A stretch of the line.
struct Stretch {
  std::int64_t begin;  // in steps, as are sizes
  int steps, x_steps;
  int alignments;   // of pairs of x: 1 where all taps are at even distances
  std::uint8_t* x;  // [channel block][alignment][two pixels][channel][pixel]
  std::uint8_t* y;  // [filter block][step][filter][pixel]

  std::ptrdiff_t x_alignment() const { return std::ptrdiff_t{x_steps} * simd::kRegisterBytes; }
  std::ptrdiff_t x_block() const { return alignments * x_alignment(); }
  std::ptrdiff_t y_block() const { return std::ptrdiff_t{steps} * simd::kRegisterBytes; }
  // Bytes from a block's first pairs to those that a tap begins with.
  std::ptrdiff_t tap(std::int64_t distance) const {
    return distance % 2 * x_alignment() + distance / 2 * simd::kMatrixBytes;
  }

  void write_x(const ConvShape& s, const PixelLine& line, ConstTensor from, int block) const {
    PixelWalk walk(from, block, line, s.pad_y, s.pad_x, begin * simd::kStepPixels);
    auto* to = reinterpret_cast<float*>(x + block * x_block());
    const std::ptrdiff_t odd = x_alignment() / 4;
    simd::Lanes first = simd::load(walk.next());
    for (int i = 0; i < x_steps * simd::kMatrixRows; ++i, to += kBlock) {
      const simd::Lanes second = simd::load(walk.next()), third = simd::load(walk.next());
      simd::store(to, simd::Bf16Pairs::pair(first, second));
      if (alignments > 1) simd::store(to + odd, simd::Bf16Pairs::pair(second, third));
      first = third;
    }
  }

  void write_y(const PixelLine& line, ConstTensor from, int block) const {
    PixelWalk walk(from, block, line, 0, 0, begin * simd::kStepPixels);
    auto* to = reinterpret_cast<float*>(y + block * y_block());
    for (int step = 0; step < steps; ++step) {
      simd::Lanes words[kBlock];
      for (int i = 0; i < kBlock; ++i) {
        const float *const first = walk.next(), *const second = walk.next();
        words[i] = simd::Bf16Pairs::pair(simd::load(first), simd::load(second));
      }
      simd::transpose(words);
      for (int i = 0; i < kBlock; ++i, to += kBlock) simd::store(to, words[i]);
    }
  }
};

}  // namespace pydarknet::weight_gradient
