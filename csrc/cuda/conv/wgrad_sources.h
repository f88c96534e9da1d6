// How a thread of the weights' gradient copies its blocks of dy and x for one pixel after the other.
#pragma once
#include "cuda/conv/sources.h"
#include "cuda/conv/wgrad.h"
#include "device.h"

namespace pydarknet {

// One pixel of the output, and where it lies there and, under tap (0, 0), in the input.
class WgradPixel {
 public:
  __device__ WgradPixel(const ConvProblem& p, int pixel, int end)
      : p_(p), at_(p, pixel < end ? pixel : 0), pixel_(pixel), end_(end) {}

  __device__ void advance(int pixels) {
    pixel_ += pixels;
    at_.column += pixels;
    while (at_.column >= p_.x.count) {
      at_.column -= p_.x.count;
      if (++at_.row == p_.y.count) {
        at_.row = 0;
        ++at_.image;
      }
    }
  }

  __device__ bool exists() const { return pixel_ < end_; }
  __device__ int image() const { return at_.image; }
  __device__ int place() const { return at_.row * p_.x.count + at_.column; }
  __device__ int y() const { return p_.y.first + at_.row * p_.y.step; }
  __device__ int x() const { return p_.x.first + at_.column * p_.x.step; }

 private:
  const ConvProblem& p_;
  ProblemPixel at_;
  int pixel_;
  const int end_;
};

// kCount blocks of filters, kStep apart.
template <int kCount, int kStep>
class FilterSource {
 public:
  __device__ FilterSource(const WgradArguments& call, int bundle, int block)
      : plane_(std::int64_t{call.problem.y.count} * call.problem.x.count) {
    const Bundles& b = call.problem.bundles;
    const int first = bundle * b.filters() / kBlock, all = blocks_of(b.total_filters);
    image_ = all * plane_;
    left_ = (all - first < b.filter_blocks() ? all - first : b.filter_blocks()) - block;
    dy_ = reinterpret_cast<const float4*>(call.dy) + (first + block) * plane_;
  }

  __device__ void copy(const WgradPixel& pixel, float4* to, int stride) const {
    const float4* const from = dy_ + pixel.image() * image_ + pixel.place();
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      cp_async16(to + i * stride, from + i * kStep * plane_, pixel.exists() && i * kStep < left_);
    }
  }

 private:
  const std::int64_t plane_;
  std::int64_t image_;
  const float4* dy_;
  int left_;
};

// Blocks of channels under one tap each, [block][tap].
template <bool kPlain, class Tile>
class ColumnSource {
 public:
  __device__ ColumnSource(const WgradArguments& call, int bundle, int column)
      : p_(call.problem), x_(call.x), plane_(std::int64_t{p_.y.size} * p_.x.size) {
    const Bundles& b = p_.bundles;
    const int first = bundle * b.channels() / kBlock;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int all = column + i * kStep, block = all / p_.taps(), tap = all - block * p_.taps();
      tap_y_[i] = tap / p_.x.taps;
      tap_x_[i] = tap - tap_y_[i] * p_.x.taps;
      const bool exists = block < b.channel_blocks() && first + block < blocks_of(b.total_channels);
      block_[i] = exists ? first + block : -1;
    }
  }

  __device__ void copy(const WgradPixel& pixel, float4* to, int stride) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int y = pixel.y() + tap_y_[i], x = pixel.x() + tap_x_[i];
      const bool inside =
          pixel.exists() && block_[i] >= 0 && y >= 0 && y < p_.y.size && x >= 0 && x < p_.x.size;
      copy_block(pixel.image(), inside ? block_[i] : 0, inside ? y * std::int64_t{p_.x.size} + x : 0, inside,
                 to + i * stride);
    }
  }

 private:
  static constexpr int kStep = Tile::kThreads / kStagePixels, kCount = Tile::kColumns / kStep;

  __device__ void copy_block(int image, int block, std::int64_t place, bool inside, float4* to) const {
    const int channels = p_.bundles.total_channels;
    if constexpr (kPlain) {
      const float* const from = x_ + (std::int64_t{image} * channels + block * kBlock) * plane_ + place;
      for (int i = 0; i < kBlock; ++i) {
        cp_async4(reinterpret_cast<float*>(to) + i, from + i * plane_,
                  inside && block * kBlock + i < channels);
      }
    } else {
      const float4* const x = reinterpret_cast<const float4*>(x_);
      cp_async16(to, x + (std::int64_t{image} * blocks_of(channels) + block) * plane_ + place, inside);
    }
  }

  const ConvProblem& p_;
  const float* const x_;
  const std::int64_t plane_;
  int tap_y_[kCount], tap_x_[kCount], block_[kCount];
};

}  // namespace pydarknet
