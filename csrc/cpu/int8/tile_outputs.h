// The outputs of F(2x2, 3x3) in 8 bits: each panel's sums, transformed and requantised.
#pragma once
#include "cpu/int8/kernel.h"
#include "cpu/int8/transform.h"

namespace pydarknet::int8 {

// Where a panel's outputs are written: bytes, or floats.
struct TileOutputs {
  std::uint8_t* bytes;   // of the first block of filters
  float* floats;         // in blocks of kBlock
  std::ptrdiff_t block;  // elements from one block to the next
  int float_blocks;      // how many there are
};

// Tiles that follow each other, row by row, and one panel's sums of them.
struct TileSums {
  const std::int32_t* sums;   // of the first tile in the first plane
  std::ptrdiff_t step;        // to the next tile
  std::ptrdiff_t plane_step;  // to the next plane
  const std::int32_t* added;  // to the outputs of the first filter, one after another
  std::ptrdiff_t added_step;  // to what is added to the next output
  int row, column;            // of the first tile
  int count, across;
};

using Words = std::uint32_t __attribute__((vector_size(sizeof(IntLanes))));  // sums on the way may pass 2^31

// The 2 x 2 outputs of a tile but for what is added to them; without `second`, which the last planes are for,
// the first row alone.
PYDARKNET_INLINE void outputs_of(const std::int32_t* sums, std::ptrdiff_t plane_step, bool second,
                                 Words (&out)[kOutputs]) {
  Words rows[kTileOutputs][kTileInputs];
  const auto plane = [&](int index) __attribute__((always_inline)) {
    Words v;
    std::memcpy(&v, sums + index * plane_step, sizeof v);
    return v;
  };
  const auto at = [&](int point) __attribute__((always_inline)) {
    const Words v = plane(plane_of(point));
    return point == kSumPoint ? 2 * v + (Words)((IntLanes)(plane(kRestPlane) + 2) >> 2) : v;
  };
  PYDARKNET_UNROLL
  for (int j = 0; j < kTileInputs; ++j) {
    const Words middle = at(kTileInputs + j), next = at(2 * kTileInputs + j);
    rows[0][j] = at(j) + middle + next;
    rows[1][j] = middle - next;
  }
  if (second) {
    PYDARKNET_UNROLL
    for (int j = 0; j < kTileInputs; ++j) rows[1][j] -= at(3 * kTileInputs + j);
  }
  PYDARKNET_UNROLL
  for (int i = 0; i < kTileOutputs; ++i) {
    out[2 * i] = rows[i][0] + rows[i][1] + rows[i][2];
    out[2 * i + 1] = rows[i][1] - rows[i][2] - rows[i][3];
  }
}

// Calls put(pixel, sums) for all outputs of the tiles, or the largest of each tile, for one register of
// filters.
template <bool kPooled, class Put>
PYDARKNET_INLINE void each_output(const ConvShape& s, const TileSums& tiles, int first, Put put) {
  const int h = s.out_h(), w = s.out_w();
  const std::int32_t* sums = tiles.sums + first;
  Words added[kOutputs];
  for (int i = 0; i < kOutputs; ++i)
    std::memcpy(&added[i], tiles.added + i * tiles.added_step + first, sizeof(Words));
  int row = tiles.row, column = tiles.column;
  for (int left = tiles.count; left > 0; --left, sums += tiles.step) {
    Words words[kOutputs];
    IntLanes out[kOutputs];
    const bool right = 2 * column + 1 < w, second = kPooled || 2 * row + 1 < h;
    outputs_of(sums, tiles.plane_step, second, words);
    PYDARKNET_UNROLL
    for (int i = 0; i < kOutputs; ++i) out[i] = (IntLanes)(words[i] + added[i]);
    if constexpr (kPooled) {
      const auto larger = [](IntLanes a, IntLanes b) { return a > b ? a : b; };
      put(std::ptrdiff_t{row} * (w / 2) + column, larger(larger(out[0], out[1]), larger(out[2], out[3])));
    } else {
      const std::ptrdiff_t pixel = std::ptrdiff_t{2} * row * w + 2 * column;
      put(pixel, out[0]);
      if (right) put(pixel + 1, out[1]);
      if (second) {
        put(pixel + w, out[2]);
        if (right) put(pixel + w + 1, out[3]);
      }
    }
    if (++column == tiles.across) column = 0, ++row;
  }
}

// Writes them for `blocks` blocks of filters, the first of which is `block`.
template <bool kPooled>
void write_tiles(const Int8ConvCall& call, const TileOutputs& to, const TileSums& tiles, int block,
                 int blocks) {
  const Rounding round(call.requantisation.zero);
  for (int v = 0; v < blocks * kVectors; ++v) {
    const Scaling scaled(call.requantisation, block * kByteBlock + v * kBlock);
    if (to.bytes) {
      std::uint8_t* bytes = to.bytes + v / kVectors * to.block + v % kVectors * kBlock;
      each_output<kPooled>(call.shape, tiles, v * kBlock,
                           [&](std::ptrdiff_t pixel, IntLanes sum) __attribute__((always_inline)) {
                             store_bytes(bytes + pixel * kByteBlock, round(scaled(sum)));
                           });
    } else if (v < to.float_blocks) {
      float* floats = to.floats + v * to.block;
      each_output<kPooled>(call.shape, tiles, v * kBlock,
                           [&](std::ptrdiff_t pixel, IntLanes sum) __attribute__((always_inline)) {
                             simd::store(floats + pixel * kBlock, scaled(sum));
                           });
    }
  }
}

}  // namespace pydarknet::int8
