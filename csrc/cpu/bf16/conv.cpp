// Convolution of BF16, sum by sum: what the bodies by matrices replace.
#include <algorithm>
#include <cstring>

#include "cpu/lib/activate.h"
#include "cpu/simd/amx.h"
#include "cpu/simd/vec.h"
#include "ops/cpu/bf16.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

float widened(std::uint16_t half) {
  const std::uint32_t bits = std::uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::uint16_t rounded(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

using Sums = float[kHalfBlock];

class SumBySum : public Bf16Convolution {
 public:
  const char* name() const override { return "direct_bf16_blocks"; }
  bool runs() const override { return simd::multiplier() != simd::Multiplier::kVectors; }
  std::int64_t packed_bytes(const ConvShape& s) const override {
    return std::int64_t{2} * half_blocks_of(s.k) * half_blocks_of(s.c) * kHalfBlock * kHalfBlock * s.taps();
  }

  // [block of filters][tap][channel][filter].
  void pack(const ConvShape& s, const float* weights, std::uint8_t* packed) const override {
    auto* to = reinterpret_cast<std::uint16_t*>(packed);
    for (int block = 0; block < half_blocks_of(s.k); ++block) {
      for (int tap = 0; tap < s.taps(); ++tap) {
        for (int c = 0; c < half_blocks_of(s.c) * kHalfBlock; ++c) {
          for (int k = block * kHalfBlock; k < (block + 1) * kHalfBlock; ++k) {
            const bool in = k < s.k && c < s.c;
            *to++ = in ? rounded(weights[(std::int64_t{k} * s.c + c) * s.taps() + tap]) : 0;
          }
        }
      }
    }
  }

  std::int64_t workspace(const ConvShape&, int) const override { return 0; }
  bool does(const ConvShape& s, const Bf16Tail& tail) const override {
    return !tail.pool || (s.out_h() % 2 == 0 && s.out_w() % 2 == 0 && !tail.add);
  }

  void forward(const Bf16ConvCall& call, ConstBf16Tensor x, Bf16Tensor y) const override {
    each(call, y.h, y.w, [&](int image, int block, int i, int j) {
      std::int64_t at = std::int64_t{image} * y.image() + block * y.plane();
      at += (std::int64_t{i} * y.w + j) * kHalfBlock;
      Sums best;
      if (call.tail.pool) {
        for (int corner = 0; corner < 4; ++corner) {
          Sums sums;
          sum(call, x, image, block, 2 * i + corner / 2, 2 * j + corner % 2, sums);
          for (int k = 0; k < kHalfBlock; ++k) {
            best[k] = corner && !(sums[k] > best[k]) ? best[k] : sums[k];
          }
        }
      } else {
        sum(call, x, image, block, i, j, best);
      }
      for (int k = 0; k < kHalfBlock; ++k) {
        if (call.tail.add) best[k] += widened(call.tail.add[at + k]);
        y.data[at + k] = block * kHalfBlock + k < call.shape.k ? rounded(best[k]) : 0;
      }
    });
  }

  void forward(const Bf16ConvCall& call, ConstBf16Tensor x, Tensor y) const override {
    each(call, y.h, y.w, [&](int image, int block, int i, int j) {
      Sums sums;
      sum(call, x, image, block, i, j, sums);
      for (int part = 0; part < kHalfBlock / kBlock; ++part) {
        const int to = block * (kHalfBlock / kBlock) + part;
        if (to >= y.blocks()) break;
        std::copy_n(sums + part * kBlock, kBlock, y.block(image, to) + (std::int64_t{i} * y.w + j) * kBlock);
      }
    });
  }

 private:
  template <class Pixel>
  static void each(const Bf16ConvCall& call, int h, int w, const Pixel& pixel) {
    const ConvShape& s = call.shape;
    const std::int64_t blocks = half_blocks_of(s.k);
    parallel_for(s.n * blocks * h, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        for (int j = 0; j < w; ++j) {
          pixel(static_cast<int>(row / h / blocks), static_cast<int>(row / h % blocks),
                static_cast<int>(row % h), j);
        }
      }
    });
  }

  // The activated sums of one pixel for a block of filters.
  static void sum(const Bf16ConvCall& call, ConstBf16Tensor x, int image, int block, int i, int j,
                  Sums& sums) {
    const ConvShape& s = call.shape;
    const int channels = half_blocks_of(s.c) * kHalfBlock, step = channels * kHalfBlock;
    const auto* weights = reinterpret_cast<const std::uint16_t*>(call.packed);
    weights += std::int64_t{block} * s.taps() * step;
    for (int k = 0; k < kHalfBlock; ++k) {
      const int filter = block * kHalfBlock + k;
      sums[k] = call.bias && filter < s.k ? call.bias[filter] : 0.0f;
    }
    for (int tap = 0; tap < s.taps(); ++tap, weights += step) {
      const int row = i * s.stride_y - s.pad_y + tap / s.kernel_w;
      const int column = j * s.stride_x - s.pad_x + tap % s.kernel_w;
      if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
      for (int c = 0; c < channels; ++c) {
        const std::uint16_t* from = x.block(image, c / kHalfBlock) + c % kHalfBlock;
        const float f = widened(from[(std::int64_t{row} * x.w + column) * kHalfBlock]);
        for (int k = 0; k < kHalfBlock; ++k) sums[k] += f * widened(weights[c * kHalfBlock + k]);
      }
    }
    activate(sums, sums, kHalfBlock, call.activation, {});
  }
};

}  // namespace

std::vector<const Bf16Convolution*> bf16_convolutions() {
  static const SumBySum sum_by_sum;
  if (!sum_by_sum.runs()) return {};
  return {&sum_by_sum};
}

}  // namespace pydarknet
