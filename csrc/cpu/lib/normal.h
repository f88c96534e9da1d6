// Batch normalisation's values, which the way back makes again: the same expressions, and so the same bits.
#pragma once
#include <cmath>

#include "cpu/lib/channel_sums.h"
#include "ops/batchnorm.h"

namespace pydarknet {

inline double divisor(double variance, Deviation deviation) {
  return deviation.inside ? std::sqrt(variance + deviation.epsilon) : std::sqrt(variance) + deviation.epsilon;
}

// What the pixels of one channel block become.
struct Normal {
  simd::Lanes mean, factor, shift;
  float slope;

  simd::Lanes of(simd::Lanes x) const { return simd::rectify((x - mean) * factor + shift, slope); }
  // dy times the slope where the output is y.
  simd::Lanes gradient(simd::Lanes y, simd::Lanes dy) const { return y > 0.0f ? dy : dy * slope; }
};

class Normals {
 public:
  Normals(int blocks, const float* mean, const float* variance, const Normalization& n, int channels)
      : mean_(blocks), factor_(blocks), shift_(blocks), slope_(n.slope) {
    for (int c = 0; c < channels; ++c) {
      mean_[c] = mean[c];
      factor_[c] = static_cast<float>(n.scales[c] / divisor(variance[c], n.deviation));
      shift_[c] = n.biases ? n.biases[c] : 0.0f;
    }
  }
  Normal block(int i) const { return {mean_.block(i), factor_.block(i), shift_.block(i), slope_}; }

 private:
  ChannelValues mean_, factor_, shift_;
  const float slope_;
};

// Where the 2x2 of x lie that become a pixel of a row of y, which has half of x's rows and columns.
class Windows {
 public:
  explicit Windows(const PixelChunk& row) : first_(2 * row.offset), row_(2 * row.floats) {}
  // The i-th of the pixel at offset `at`, in the order in which maxpool looks at them.
  std::int64_t operator()(std::int64_t at, int i) const {
    return first_ + 2 * at + i / 2 * row_ + i % 2 * kBlock;
  }

 private:
  std::int64_t first_, row_;
};

}  // namespace pydarknet
