// The factors of weights' gradients by matrix registers, as BF16. All images' pixels stand in one line, row
// after row, with padding's zeros between rows and between images: so a tap is a distance in the line, and
// what dy meets at each of its pixels. x has a row of the line for each channel, dy pairs of pixels.
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
  std::uint8_t* x;  // [channel block][channel][pixel]
  std::uint8_t* y;  // [filter block][two pixels][filter][pixel]

  // Rows an odd number of lines apart.
  std::ptrdiff_t x_row() const { return std::ptrdiff_t{x_steps | 1} * simd::kMatrixBytes; }
  std::ptrdiff_t x_block() const { return kBlock * x_row(); }
  std::ptrdiff_t y_block() const { return std::ptrdiff_t{steps} * simd::kRegisterBytes; }

  static simd::Lanes pair(PixelWalk& walk) {
    const float *const first = walk.next(), *const second = walk.next();
    return simd::Bf16Pairs::pair(simd::load(first), simd::load(second));
  }

  void write_x(const ConvShape& s, const PixelLine& line, ConstTensor from, int block) const {
    PixelWalk walk(from, block, line, s.pad_y, s.pad_x, begin * simd::kStepPixels);
    std::uint8_t* to = x + block * x_block();
    for (int step = 0; step < x_steps; ++step, to += simd::kMatrixBytes) {
      simd::Lanes words[kBlock];
      for (int i = 0; i < kBlock; ++i) words[i] = pair(walk);
      simd::transpose(words);
      for (int i = 0; i < kBlock; ++i) simd::store(reinterpret_cast<float*>(to + i * x_row()), words[i]);
    }
  }

  void write_y(const PixelLine& line, ConstTensor from, int block) const {
    PixelWalk walk(from, block, line, 0, 0, begin * simd::kStepPixels);
    auto* to = reinterpret_cast<float*>(y + block * y_block());
    for (int i = 0; i < steps * simd::kMatrixRows; ++i, to += kBlock) simd::store(to, pair(walk));
  }
};

}  // namespace pydarknet::weight_gradient
