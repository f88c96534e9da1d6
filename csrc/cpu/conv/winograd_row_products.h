// Multiplies by kernels that are packed at the points of one axis: row by row of points, whose transformed
// input all panels read, and some of a panel's channels at a time.
#pragma once
#include "cpu/conv/winograd_products.h"
#include "cpu/conv/winograd_rows.h"

namespace pydarknet::winograd {

// Of kernels in the first-level cache, at a row of points.
inline constexpr std::int64_t kRowBytes = 24 << 10;

template <class S>
class RowProducts {
  static constexpr auto& kSteps = Products<S>::kSteps;

 public:
  explicit RowProducts(const Products<S>& products) : p_(products), t_(products.tiles) {}

  // Panels [begin, end).
  void multiply(const TileGroup<S>& group, int begin, int end, const float* v, float* m) const {
    for (int row = 0; row < S::kKernels; ++row) {
      for (int i = begin; i < end; ++i) {
        const int pieces = pieces_of(i);
        for (int piece = 0; piece < pieces; ++piece) {
          Asked asked{next_kernels(group, row, i, piece, begin, end), Ahead{v, 0}};
          if (piece == 0) asked[1] = next_input(group, row, i, begin, end, v);
          multiply_row(group, part(i, piece), row, v, m + (i - begin) * t_.m_panel, asked);
        }
      }
    }
  }

 private:
  int pieces_of(int panel) const {
    return ceil_div(p_.panels[panel].size() * S::kRow * std::int64_t{sizeof(float)}, kRowBytes);
  }
  Part part(int panel, int piece) const { return part_of(p_.panels, panel, piece, pieces_of(panel)); }
  std::int64_t floats(const Part& part) const {
    return std::int64_t{channels_of(p_.panels, part)} * p_.panels[part.panel].filters() * S::kRow;
  }

  void multiply_row(const TileGroup<S>& group, const Part& part, int row, const float* v, float* m,
                    Asked& asked) const {
    const RowKernels& kernels = row_kernels();
    const int blocks = p_.panels[part.panel].blocks;
    const auto multiply = [&](int point, auto&& product) {
      const Step& step = kSteps[row * S::kKernels + point];
      const int tiles = group.count(step.product);
      if (tiles == 0) return;
      simd::PairProduct p = product_of(part, row, step, v, m);
      p.ahead = asked;
      product(p, tiles);
      asked = p.ahead;
    };
    const auto alone = [&](const simd::ProductKernels& of) {
      return [&](simd::PairProduct& p, int tiles) { simd::product_pixels(of, p, tiles, blocks); };
    };
    const auto pair = [&](const simd::PairKernels& of) {
      return [&](simd::PairProduct& p, int tiles) { simd::product_pairs(of, p, tiles, blocks); };
    };
    // Tiles see both points of a pair or none (EdgePoints).
    multiply(0, alone(kernels.zero));
    multiply(5, alone(kernels.infinity));
    multiply(1, pair(kernels.near));
    multiply(3, pair(kernels.far));
  }

  simd::PairProduct product_of(const Part& part, int row, const Step& step, const float* v, float* m) const {
    simd::PairProduct p{};
    p.segments = p_.segments(part.panel, 0).data() + part.first;
    p.count = part.last - part.first;
    p.x = v + step.plane * t_.v_plane + p_.panels[part.panel].channel_block * t_.v_block;
    p.x_apart = t_.v_plane;
    p.weights = kernels_of(part.panel, row);
    p.y = m + step.product * t_.m_point;
    p.y_apart = t_.m_point;
    p.y_block = t_.m_block;
    p.y_pixel = kBlock;
    p.slope = 1.0f;
    p.accumulate = part.first > 0;
    return p;
  }

  const float* kernels_of(int panel, int row) const {
    const Panel& p = p_.panels[panel];
    return p_.packed + (p.offset * S::kKernels + row * p.size()) * S::kRow;
  }

  // Steps of the micro-kernels.
  std::int64_t steps_of_kernels(const TileGroup<S>& group, int row, const Part& part, bool pairs) const {
    std::int64_t runs = 0;
    for (const int point : {0, 5, 1, 3}) {
      const int tiles = group.count(kSteps[row * S::kKernels + point].product);
      if (point % 5 == 0) runs += simd::runs_of(tiles);
      if (point % 5 && pairs) runs += simd::pair_runs_of(tiles);
    }
    return runs * channels_of(p_.panels, part);
  }

  // Wanted after a piece of a panel's row: the next kernels,
  Ahead next_kernels(const TileGroup<S>& group, int row, int panel, int piece, int begin, int end) const {
    const std::int64_t calls = steps_of_kernels(group, row, part(panel, piece), true);
    if (++piece == pieces_of(panel)) {
      piece = 0;
      if (++panel == end) {
        panel = begin;
        ++row;
      }
    }
    if (!p_.streamed || row == S::kKernels) return {p_.packed, 0};
    const Part next = part(panel, piece);
    const std::int64_t before = std::int64_t{next.first} * kBlock * p_.panels[panel].filters() * S::kRow;
    return simd::ahead(kernels_of(panel, row) + before, floats(next), calls);
  }
  // and the panel's share of the next row's transformed input.
  Ahead next_input(const TileGroup<S>& group, int row, int panel, int begin, int end, const float* v) const {
    if (!t_.far || row + 1 == S::kKernels) return {v, 0};
    const std::int64_t all = t_.v_plane * S::kPlanes, first = part_begin(all, panel - begin, end - begin);
    return simd::ahead(v + (row + 1) * all + first, part_begin(all, panel - begin + 1, end - begin) - first,
                       steps_of_kernels(group, row, part(panel, 0), false));
  }

  const Products<S>& p_;
  const Tiles<S>& t_;
};

}  // namespace pydarknet::winograd
