// How the CPU's Winograd convolution cuts its tiles into groups, and where a group's transforms lie.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/sizes.h"
#include "cpu/simd/microkernel.h"
#include "shared/winograd.h"

namespace pydarknet::winograd {

// What a core keeps close: kernels that many tile groups reuse, or a group's transformed input.
inline constexpr std::int64_t kCachedBytes = 1 << 20;
inline constexpr std::int64_t kProductBytes = 2 << 20;  // of a thread's products

template <int M>
struct Tiles {
  static constexpr int kTile = Winograd<M>::kTile, kPoints = kTile * kTile;

  Tiles(const ConvShape& s, const WeightFormat& format, const std::vector<Panel>& panels, int threads)
      : rows(ceil_div(s.out_h(), M)),
        columns(ceil_div(s.out_w(), M)),
        all(s.n * rows * columns),
        blocks(blocks_of(s.c)),
        pitch(format.pitch()),
        kernel_bytes(4.0 * format.floats(packed_weights(panels, kPoints))) {
    double least = 0;
    Tiles best = *this;
    for (int runs = 1;; ++runs) {
      const bool last = runs * simd::kRows >= all;
      set_group(last ? all : runs * simd::kRows, static_cast<int>(panels.size()), threads);
      const double bytes = traffic(static_cast<int>(panels.size()), threads);
      if (runs == 1 || bytes < least) {
        least = bytes;
        best = *this;
      }
      if (last) break;
    }
    *this = best;
  }

  // Floats: one transformed input if threads share it, else one each; products for each thread.
  std::int64_t scratch(int threads) const {
    return v_size * (shared ? 1 : threads) + product_size() * threads;
  }
  std::int64_t product_size() const { return m_panel * chunk; }

  int rows, columns, all;     // tiles of an image, and of all images
  int blocks;                 // of input channels
  int pitch;                  // of the transformed input, from one tile to the next
  double kernel_bytes;        // of the packed kernels
  int group = 0, groups = 0;  // tiles of a group, and how many groups
  bool shared = false;        // all threads work on the same group
  bool far = false;  // transformed input comes from another core or from beyond the second-level cache
  int chunk = 0;     // panels multiplied before they are transformed back
  // Strides in floats: transformed input by channel block and point, products by point and panel.
  std::int64_t v_block = 0, v_point = 0, v_size = 0, m_block = 0, m_point = 0, m_panel = 0;

 private:
  void set_group(int most, int panels, int threads) {
    groups = ceil_div(all, most);
    shared = groups < threads;
    if (!shared) groups = ceil_div(groups, threads) * threads;
    group = ceil_div(all, std::min(groups, all));
    groups = ceil_div(all, group);
    v_block = std::int64_t{group} * pitch;
    m_block = std::int64_t{group} * kBlock;
    v_point = odd_lines(v_block * blocks);
    v_size = v_point * kPoints;
    far = shared || 4 * v_size > kCachedBytes;
    m_point = odd_lines(m_block * simd::kPanelBlocks);
    m_panel = m_point * kPoints;
    chunk = static_cast<int>(std::clamp<std::int64_t>(kProductBytes / (4 * m_panel), 1, panels));
  }

  // Bytes that pass through the second-level caches: kernels once a group and the transformed input once a
  // chunk of panels (for each thread that shares it), unless they stay there; and the cost of calling the
  // micro-kernel for few pixels.
  double traffic(int panels, int threads) const {
    const double kernels = kernel_bytes, input = 4.0 * v_size;
    const int readers = shared ? threads : 1;
    const double chunks = readers * ceil_div(panels, chunk * readers);
    const double runs = simd::runs_of(group);
    const double loads = kernels * groups * (0.1 * runs);
    return groups * ((kernels > kCachedBytes ? kernels : 0.0) + (far ? input * chunks : 0.0)) + loads;
  }
};

}  // namespace pydarknet::winograd
