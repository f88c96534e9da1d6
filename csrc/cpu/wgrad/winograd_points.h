// The transforms of F(4x4, 3x3)'s gradient: a block of x or of dy to the 36 points of its tiles.
#pragma once
#include "cpu/lib/sizes.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/winograd_wgrad.h"
#include "ops/conv.h"

namespace pydarknet::weight_gradient {

using simd::Lanes;

inline constexpr int kWhole = simd::WinogradGradient::kOutput;
inline constexpr int kSide = simd::WinogradGradient::kTile, kPoints = kSide * kSide;

// Of a tile's row or column with so many outputs.
inline int points_of(int outputs) { return outputs == kWhole ? kSide : outputs + 2; }

// x along an axis, whose transform is B^T d.
struct InputLine {
  static int length(int outputs) { return outputs + 2; }
  static void whole(const Lanes* d, int step, Lanes* u, int u_step) {
    simd::WinogradGradient::Forward::input(d, step, u, u_step);
  }
  template <int R>
  static void rest(const Lanes* d, int step, Lanes* u, int u_step) {
    simd::WinogradRest<R>::input(d, step, u, u_step);
  }
};

// dy along an axis, whose transform is A dy.
struct OutputLine {
  static int length(int outputs) { return outputs; }
  static void whole(const Lanes* d, int step, Lanes* u, int u_step) {
    simd::WinogradGradient::output(d, step, u, u_step);
  }
  template <int R>
  static void rest(const Lanes* d, int step, Lanes* u, int u_step) {
    simd::WinogradRest<R>::output(d, step, u, u_step);
  }
};

// The tiles of all images by kind: whole ones, and those of the last column, the last row and both where
// these have fewer outputs, and fewer points. Kinds are in an order in which those that have a point follow
// each other; each is counted in units of so many tiles, which are multiplied together.
class TileGrid {
 public:
  enum Kind { kRight, kInner, kBottom, kCorner, kKinds };
  struct Size {
    int rows, columns;  // of outputs
  };
  // A tile's first output; image -1: there is no such tile.
  struct Place {
    int image, row, column;
  };
  struct Range {
    std::int64_t begin, end;
    std::int64_t size() const { return std::max<std::int64_t>(0, end - begin); }
  };

  TileGrid(const ConvShape& s, int together)
      : images_(s.n), down_(s.out_h()), across_(s.out_w()), together_(together) {
    for (int kind = 0; kind < kKinds; ++kind) {
      const std::int64_t count = tiles(kind);
      all += count;
      first_[kind + 1] = first_[kind] + ceil_div(count, together);
    }
  }

  std::int64_t units() const { return first_[kKinds]; }
  Size size(int kind) const {
    return {is_bottom(kind) ? down_.rest : kWhole, is_right(kind) ? across_.rest : kWhole};
  }
  int kind(std::int64_t unit) const {
    int kind = 0;
    while (unit >= first_[kind + 1]) ++kind;
    return kind;
  }
  Place place(std::int64_t unit, int i) const {
    const int of = kind(unit), rows = is_bottom(of) ? 1 : down_.whole,
              columns = is_right(of) ? 1 : across_.whole;
    const std::int64_t tile = (unit - first_[of]) * together_ + i;
    if (tile >= tiles(of)) return {-1, 0, 0};
    const int within = static_cast<int>(tile % (std::int64_t{rows} * columns));
    return {static_cast<int>(tile / (std::int64_t{rows} * columns)),
            kWhole * (is_bottom(of) ? down_.whole : within / columns),
            kWhole * (is_right(of) ? across_.whole : within % columns)};
  }
  // The units that have a point.
  Range having(int point) const {
    const bool bottom = point / kSide < points_of(down_.rest),
               right = point % kSide < points_of(across_.rest);
    return {first_[right ? kRight : kInner], first_[!bottom ? kBottom : right ? kKinds : kCorner]};
  }
  // Of all units.
  std::int64_t products() const {
    std::int64_t sum = 0;
    for (int point = 0; point < kPoints; ++point) sum += having(point).size();
    return sum;
  }

  std::int64_t all = 0;  // tiles

 private:
  struct Axis {
    explicit Axis(int outputs) : whole(outputs / kWhole), rest(outputs % kWhole) {}
    int whole, rest;  // tiles, and outputs behind them
  };
  static bool is_right(int kind) { return kind == kRight || kind == kCorner; }
  static bool is_bottom(int kind) { return kind == kBottom || kind == kCorner; }
  std::int64_t tiles(int kind) const {
    return std::int64_t{images_} * (is_bottom(kind) ? down_.rest > 0 : down_.whole) *
           (is_right(kind) ? across_.rest > 0 : across_.whole);
  }

  int images_;
  Axis down_, across_;
  int together_;
  std::int64_t first_[kKinds + 1] = {};
};

// Transforms the tiles of one block; `padding` of the rows and columns before the first tile.
template <class Line>
class PointWriter {
 public:
  PointWriter(ConstTensor from, const TileGrid& grid, int pad_y, int pad_x)
      : from_(from), grid_(grid), pad_y_(pad_y), pad_x_(pad_x) {}

  // `count` units of kTogether tiles, from unit `first` on, to the points that they have, `point` floats
  // apart. Tiles beyond the last one are 0.
  template <int kTogether>
  void run(std::int64_t first, std::int64_t count, int block, float* to, std::int64_t point) const {
    for (std::int64_t unit = first; unit < first + count; ++unit, to += kBlock) {
      const TileGrid::Size size = grid_.size(grid_.kind(unit));
      if (size.rows == kWhole && size.columns == kWhole) {
        write<kTogether>(WholeTile(), unit, block, to, point);
      } else {
        write<kTogether>(size, unit, block, to, point);
      }
    }
  }

 private:
  // Known to the compiler.
  struct WholeTile {
    static constexpr int rows = kWhole, columns = kWhole;
  };

  template <int kTogether, class Size>
  void write(Size size, std::int64_t unit, int block, float* to, std::int64_t point) const {
    Lanes half[kTogether][kPoints];
    for (int j = 0; j < kTogether; ++j) columns(grid_.place(unit, j), size, block, half[j]);
    for (int row = 0; row < points_of(size.rows); ++row) {
      Lanes out[kTogether][kSide];
      for (int j = 0; j < kTogether; ++j) line(size.columns, half[j] + row * kSide, 1, out[j], 1);
      for (int j = 0; j < points_of(size.columns); ++j) {
        simd::store(to + (row * kSide + j) * point,
                    kTogether == 1 ? out[0][j] : simd::Bf16Pairs::pair(out[0][j], out[kTogether - 1][j]));
      }
    }
  }

  static void line(int outputs, const Lanes* d, int step, Lanes* u, int u_step) {
    switch (outputs) {
      case 1:
        return Line::template rest<1>(d, step, u, u_step);
      case 2:
        return Line::template rest<2>(d, step, u, u_step);
      case 3:
        return Line::template rest<3>(d, step, u, u_step);
      default:
        return Line::whole(d, step, u, u_step);
    }
  }

  // The tile's rectangle, transformed along its columns.
  template <class Size>
  void columns(const TileGrid::Place& place, Size size, int block, Lanes* half) const {
    Lanes rectangle[kPoints];
    load(place, Line::length(size.rows), Line::length(size.columns), block, rectangle);
    for (int j = 0; j < Line::length(size.columns); ++j) {
      line(size.rows, rectangle + j, kSide, half + j, kSide);
    }
  }

  void load(const TileGrid::Place& place, int rows, int columns, int block, Lanes* rectangle) const {
    const int top = place.row - pad_y_, left = place.column - pad_x_;
    const bool there = place.image >= 0;
    const float* const plane = from_.block(there ? place.image : 0, block);
    if (there && top >= 0 && left >= 0 && top + rows <= from_.h && left + columns <= from_.w) {
      const float* at = plane + (std::int64_t{top} * from_.w + left) * kBlock;
      for (int i = 0; i < rows; ++i, at += std::int64_t{from_.w} * kBlock) {
        for (int j = 0; j < columns; ++j) rectangle[i * kSide + j] = simd::load(at + j * kBlock);
      }
      return;
    }
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        const int y = top + i, x = left + j;
        const bool inside = there && y >= 0 && y < from_.h && x >= 0 && x < from_.w;
        rectangle[i * kSide + j] =
            inside ? simd::load(plane + (std::int64_t{y} * from_.w + x) * kBlock) : Lanes{};
      }
    }
  }

  const ConstTensor from_;
  const TileGrid& grid_;
  const int pad_y_, pad_x_;
};

}  // namespace pydarknet::weight_gradient
