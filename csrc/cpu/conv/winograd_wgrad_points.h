// The transforms of F(4x4, 3x3)'s gradient: a block of x or of dy to the 36 points of its tiles.
#pragma once
#include "cpu/conv/sizes.h"
#include "cpu/simd/factors.h"
#include "cpu/simd/winograd_wgrad.h"
#include "ops/conv.h"

namespace pydarknet::weight_gradient {

// B^T d B of x's tiles of 6x6.
struct InputTiles {
  static constexpr int kSize = simd::WinogradGradient::kTile;
  static void transform(const simd::Lanes* d, int step, simd::Lanes* u, int u_step) {
    simd::WinogradGradient::Forward::input(d, step, u, u_step);
  }
};

// A dy A^T of dy's tiles of 4x4.
struct OutputTiles {
  static constexpr int kSize = simd::WinogradGradient::kOutput;
  static void transform(const simd::Lanes* d, int step, simd::Lanes* u, int u_step) {
    simd::WinogradGradient::output(d, step, u, u_step);
  }
};

// The tiles of all images, in the order of images, rows and columns.
struct TileGrid {
  explicit TileGrid(const ConvShape& s)
      : rows(ceil_div(s.out_h(), simd::WinogradGradient::kOutput)),
        columns(ceil_div(s.out_w(), simd::WinogradGradient::kOutput)),
        all(std::int64_t{s.n} * rows * columns) {}

  int rows, columns;  // of an image
  std::int64_t all;
};

// Transforms the tiles of one block; `padding` of the rows and columns before the first tile.
template <class Tiles>
class PointWriter {
  static constexpr int kSize = Tiles::kSize, kSide = simd::WinogradGradient::kTile;
  using Lanes = simd::Lanes;

 public:
  PointWriter(ConstTensor from, const TileGrid& grid, int pad_y, int pad_x)
      : from_(from), grid_(grid), pad_y_(pad_y), pad_x_(pad_x) {}

  // `count` units of kTogether tiles, from tile `first` on, to points `point` floats apart. Tiles beyond the
  // last one are 0.
  template <int kTogether>
  void run(std::int64_t first, std::int64_t count, int block, float* to, std::int64_t point) const {
    for (std::int64_t i = 0; i < count; ++i, to += kBlock) {
      Lanes half[kTogether][kSide * kSize];
      for (int j = 0; j < kTogether; ++j) columns(first + i * kTogether + j, block, half[j]);
      for (int row = 0; row < kSide; ++row) {
        Lanes out[kTogether][kSide];
        for (int j = 0; j < kTogether; ++j) Tiles::transform(half[j] + row * kSize, 1, out[j], 1);
        for (int j = 0; j < kSide; ++j) {
          simd::store(to + (row * kSide + j) * point,
                      kTogether == 1 ? out[0][j] : simd::Bf16Pairs::pair(out[0][j], out[kTogether - 1][j]));
        }
      }
    }
  }

 private:
  // The tile's square, transformed along its columns.
  void columns(std::int64_t tile, int block, Lanes* half) const {
    Lanes square[kSize * kSize];
    if (tile < grid_.all) {
      load(tile, block, square);
    } else {
      for (Lanes& each : square) each = Lanes{};
    }
    for (int j = 0; j < kSize; ++j) Tiles::transform(square + j, kSize, half + j, kSize);
  }

  void load(std::int64_t tile, int block, Lanes* square) const {
    const int of_image = static_cast<int>(tile % (std::int64_t{grid_.rows} * grid_.columns));
    const int image = static_cast<int>(tile / (std::int64_t{grid_.rows} * grid_.columns));
    const int top = of_image / grid_.columns * simd::WinogradGradient::kOutput - pad_y_;
    const int left = of_image % grid_.columns * simd::WinogradGradient::kOutput - pad_x_;
    const float* const plane = from_.block(image, block);
    if (top >= 0 && left >= 0 && top + kSize <= from_.h && left + kSize <= from_.w) {
      const float* at = plane + (std::int64_t{top} * from_.w + left) * kBlock;
      for (int i = 0; i < kSize; ++i, at += std::int64_t{from_.w} * kBlock) {
        for (int j = 0; j < kSize; ++j) square[i * kSize + j] = simd::load(at + j * kBlock);
      }
      return;
    }
    for (int i = 0; i < kSize; ++i) {
      for (int j = 0; j < kSize; ++j) {
        const int y = top + i, x = left + j;
        const bool inside = y >= 0 && y < from_.h && x >= 0 && x < from_.w;
        square[i * kSize + j] =
            inside ? simd::load(plane + (std::int64_t{y} * from_.w + x) * kBlock) : Lanes{};
      }
    }
  }

  const ConstTensor from_;
  const TileGrid& grid_;
  const int pad_y_, pad_x_;
};

}  // namespace pydarknet::weight_gradient
