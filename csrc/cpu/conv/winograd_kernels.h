// A Winograd convolution's kernels: their transforms u = G g G^T, and what is packed, either these or, a
// third of the bytes, the kernels as they are.
#pragma once
#include <algorithm>

#include "cpu/conv/format.h"
#include "cpu/conv/kernels.h"
#include "cpu/conv/panels.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/microkernel.h"
#include "cpu/simd/stream.h"
#include "cpu/simd/winograd_mix.h"

namespace pydarknet::winograd {

inline constexpr int kTaps = 9;

// What is packed: kernels at all points; as they are, to be transformed lazily; at the points of one axis
// (winograd_rows.h).
enum class Packing { kPoints, kTaps, kRows };

// taps[channel][tap][filter] of `channels` of a panel's channels from its `first` on; those that there are.
void gather_taps(const Panel& panel, const Kernels& kernels, int first, int channels, float* taps);

template <class S>
class KernelTransform {
  using Lanes = simd::Lanes;
  static constexpr int K = S::kKernels;
  static constexpr int kChannels = 8;                       // packed together
  static constexpr int kRow = simd::kPanelBlocks * kBlock;  // filters of a panel, at most
  static constexpr int kPoint = kChannels * kRow + kLine;   // floats, of a transformed kernel

 public:
  // From [channel][tap][filter] to [kernel][channel][filter], `point` floats from one kernel to the next.
  static void transform(const Panel& panel, const float* g, int channels, float* u, std::int64_t point) {
    const int row = panel.filters();
    for (int c = 0; c < channels; ++c, g += kTaps * row, u += row) {
      for (int j = 0; j < panel.filters(); j += kBlock) tile(g + j, row, u + j, point);
    }
  }

  // [channel][tap][filter]
  static void pack_taps(const Panel& panel, const Kernels& kernels, float* packed) {
    each_few(panel, kernels, [&](int first, int channels, float* g) {
      const std::int64_t row = kTaps * panel.filters();
      simd::stream(packed + first * row, g, channels * row);
    });
  }

  // [row of points][channel][s, o, t][filter]
  static void pack_rows(const Panel& panel, const Kernels& kernels, float* packed) {
    float u[K * S::kRow * kPoint];
    each_few(panel, kernels, [&](int first, int channels, const float* g) {
      const std::int64_t row = S::kRow * panel.filters();
      for (int c = 0; c < channels; ++c) {
        for (int j = 0; j < panel.filters(); j += kBlock) {
          half_tile(g + c * kTaps * panel.filters() + j, panel.filters(), u + c * row + j);
        }
      }
      for (int i = 0; i < K; ++i) {
        simd::stream(packed + (i * std::int64_t{panel.channels} + first) * row, u + i * S::kRow * kPoint,
                     channels * row);
      }
    });
  }

  // [kernel][channel][filter]. Some channels at a time, all points of them together: points lie powers of two
  // apart, and only so many of their lines fit in the first-level cache.
  static void pack_points(const Panel& panel, const Kernels& kernels, const WeightFormat& f, float* packed) {
    float u[K * K * kPoint];
    each_few(panel, kernels, [&](int first, int channels, float* g) {
      const int row = panel.filters();
      transform(panel, g, channels, u, kPoint);
      for (int i = 0; i < K * K; ++i) {
        float* const from = u + i * kPoint;
        if (&f != &fp32_format()) f.narrow(from, channels, row, from);
        simd::stream(packed + f.floats(i * panel.size() + std::int64_t{first} * row), from,
                     f.floats(channels * row));
      }
    });
  }

  // Calls pack(first channel, channels, their taps).
  template <class Pack>
  static void each_few(const Panel& panel, const Kernels& kernels, Pack&& pack) {
    for (int first = 0; first < panel.channels; first += kChannels) {
      const int channels = std::min(kChannels, panel.channels - first);
      float g[kChannels * kTaps * kRow] = {};
      gather_taps(panel, kernels, first, channels, g);
      pack(first, channels, g);
    }
  }

 private:
  // The rows of points lie kRow * kPoint apart.
  static void half_tile(const float* g, int row, float* u) {
    Lanes half[K * S::kRow];
    PYDARKNET_UNROLL
    for (int j = 0; j < S::kRow; ++j) {
      Lanes column[3];
      PYDARKNET_UNROLL
      for (int i = 0; i < 3; ++i) column[i] = simd::load(g + (3 * i + j) * row);
      S::Kernel::kernel(column, 1, half + j, S::kRow);
    }
    PYDARKNET_UNROLL
    for (int i = 0; i < K; ++i) {
      simd::mix_axis(half + i * S::kRow, 1);
      PYDARKNET_UNROLL
      for (int j = 0; j < S::kRow; ++j)
        simd::store(u + i * S::kRow * kPoint + j * row, half[i * S::kRow + j]);
    }
  }

  static void tile(const float* g, int row, float* u, std::int64_t point) {
    using Kernel = typename S::Kernel;
    Lanes half[3 * K];
    PYDARKNET_UNROLL
    for (int j = 0; j < 3; ++j) {
      Lanes column[3];
      PYDARKNET_UNROLL
      for (int i = 0; i < 3; ++i) column[i] = simd::load(g + (3 * i + j) * row);
      Kernel::kernel(column, 1, half + j, 3);
    }
    PYDARKNET_UNROLL
    for (int i = 0; i < K; ++i) {
      Lanes out[K];
      Kernel::kernel(half + i * 3, 1, out, 1);
      PYDARKNET_UNROLL
      for (int j = 0; j < K; ++j, u += point) simd::store(u, out[j]);
    }
  }
};

}  // namespace pydarknet::winograd
