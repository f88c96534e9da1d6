// How a thread of the implicit GEMM finds what one pixel multiplies: 16 bytes, four channels of one tap, for
// every row of weights, from global to shared memory.
#pragma once
#include "cuda/conv/problem.h"
#include "device.h"

namespace pydarknet {

// Pixel number `pixel` of a problem; past the last one it is far outside of the input.
struct ProblemPixel {
  __device__ ProblemPixel(const ConvProblem& p, int pixel) {
    const int line = pixel / p.x.count;
    column = pixel - line * p.x.count;
    image = line / p.y.count;
    row = line - image * p.y.count;
  }
  int image, row, column;
};

// The walk of one thread along the rows of weights: block by block of channels, tap by tap.
class TapWalk {
 public:
  __device__ TapWalk(const ConvProblem& p, int pixel, int row) : p_(p), blocks_(p.bundles.channel_blocks()) {
    const ProblemPixel at(p, pixel < p.pixels() ? pixel : 0);
    image_ = at.image;
    y_ = pixel < p.pixels() ? p.y.first + at.row * p.y.step : -kFar;
    x_ = p.x.first + at.column * p.x.step;
    const int tap = row / blocks_;
    block_ = row - tap * blocks_;
    tap_y_ = tap / p.x.taps;
    tap_x_ = tap - tap_y_ * p.x.taps;
  }

  // Moves by `rows`, and tells whether to another tap.
  __device__ bool advance(int rows) {
    block_ += rows;
    if (block_ < blocks_) return false;
    do {
      block_ -= blocks_;
      if (++tap_x_ == p_.x.taps) {
        tap_x_ = 0;
        ++tap_y_;
      }
    } while (block_ >= blocks_);
    return true;
  }

  __device__ int image() const { return image_; }
  __device__ int block() const { return block_; }
  __device__ int y() const { return y_ + tap_y_; }
  __device__ int x() const { return x_ + tap_x_; }
  __device__ bool inside() const {
    return tap_y_ < p_.y.taps && y() >= 0 && y() < p_.y.size && x() >= 0 && x() < p_.x.size;
  }

 private:
  static constexpr int kFar = 1 << 30;
  const ConvProblem& p_;
  const int blocks_;
  int image_, y_, x_, block_, tap_y_, tap_x_;
};

// Blocks of channels of one tap after the other. With `kWholeTaps` (see whole_taps()) a stage has one tap
// only, and a row costs little more than its copy.
template <bool kWholeTaps>
class BlockedSource {
 public:
  static constexpr int kUnroll = kWholeTaps ? 8 : 1;  // rows of a stage

  __device__ BlockedSource(const ConvProblem& p, const float* x, int bundle, int pixel, int row)
      : walk_(p, pixel, row), width_(p.x.size), plane_(p.y.size * p.x.size) {
    const int first = bundle * p.bundles.channels();
    channels_ = p.bundles.total_channels - first;
    base_ = reinterpret_cast<const float4*>(x) +
            (std::int64_t{walk_.image()} * blocks_of(p.bundles.total_channels) + first / kBlock) * plane_;
    enter_tap();
  }

  __device__ void copy(float4* to) const {
    if constexpr (kWholeTaps) {
      cp_async16(to, from_, inside_);
    } else {
      // Lanes past the last channel become zeros: they may hold what 16 bits can't.
      const int channels = inside_ ? channels_ - walk_.block() * kBlock : 0;
      cp_async16_first(to, from_, sizeof(float) * (channels < 0 ? 0 : channels > kBlock ? kBlock : channels));
    }
  }

  __device__ void advance(int rows) {
    from_ += std::int64_t{rows} * plane_;
    if constexpr (!kWholeTaps) {
      if (walk_.advance(rows)) enter_tap();
    }
  }

  __device__ void end_stage(int rows) {
    if constexpr (kWholeTaps) {
      if (walk_.advance(rows)) enter_tap();
    }
  }

 private:
  __device__ void enter_tap() {
    inside_ = walk_.inside();
    from_ = base_ + (inside_ ? std::int64_t{walk_.block()} * plane_ + walk_.y() * width_ + walk_.x() : 0);
  }

  TapWalk walk_;
  const float4 *base_, *from_;
  const int width_, plane_;
  int channels_;
  bool inside_;
};

// NCHW, as an image comes: a block of channels is gathered from as many planes.
class PlainSource {
 public:
  static constexpr int kUnroll = 1;

  __device__ PlainSource(const ConvProblem& p, const float* x, int, int pixel, int row)
      : walk_(p, pixel, row),
        width_(p.x.size),
        channels_(p.bundles.total_channels),
        plane_(p.y.size * p.x.size),
        x_(x) {}

  __device__ void copy(float4* to) const {
    const bool inside = walk_.inside();
    const int first = walk_.block() * kBlock;
    const std::int64_t plane = std::int64_t{walk_.image()} * channels_ + first;
    const float* from = x_ + (inside ? plane * plane_ + walk_.y() * width_ + walk_.x() : 0);
    for (int i = 0; i < kBlock; ++i, from += plane_) {
      cp_async4(reinterpret_cast<float*>(to) + i, from, inside && first + i < channels_);
    }
  }

  __device__ void advance(int rows) { walk_.advance(rows); }
  __device__ void end_stage(int) {}

 private:
  TapWalk walk_;
  const int width_, channels_, plane_;
  const float* const x_;
};

}  // namespace pydarknet
