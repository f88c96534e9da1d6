// The products of F(2x2, 3x3) in 8 bits: a run of tiles times a panel of weights at one point, summed over
// the channels.
#pragma once
#include "cpu/int8/kernel.h"

namespace pydarknet::int8 {

// So many of them that follow each other: of one run in planes, or of runs in one plane.
struct TileProducts {
  int times;
  const std::uint8_t* x;           // [channel block][tile of the run]
  std::ptrdiff_t x_block, x_step;  // bytes to the next channel block, and to the next product's
  int blocks;                      // of channels
  const std::uint8_t* weights;     // [channel block][word][block][filter]
  std::ptrdiff_t weights_step;     // bytes
  std::int32_t* sums;              // [tile][filter]
  std::ptrdiff_t sums_step;
  const std::uint8_t* ahead;  // weights wanted soon
  std::ptrdiff_t ahead_step;  // bytes of them that are asked for at each channel block
};

// Of R tiles and J blocks of filters; everything in p moves on behind them.
template <class Body, int R, int J>
void tile_products(TileProducts& p) {
  constexpr int kPixel = kByteBlock * static_cast<int>(sizeof(typename Body::Element));
  TileProducts next = p;
  for (; next.times > 0; --next.times) {
    IntLanes sum[R][J * kVectors] = {};
    const std::uint8_t *x = next.x, *w = next.weights;
    for (int block = 0; block < next.blocks; ++block, x += next.x_block) {
      __builtin_prefetch(next.ahead, 0, 2);
      __builtin_prefetch(next.ahead + 64, 0, 2);
      next.ahead += next.ahead_step;
      add_words<Body, R, J, kPixel / kWordBytes>(sum, x, x, kPixel, w);
      w += kPixel / kWordBytes * J * kStepBytes;
    }
    PYDARKNET_UNROLL
    for (int r = 0; r < R; ++r) {
      PYDARKNET_UNROLL
      for (int v = 0; v < J * kVectors; ++v) {
        std::memcpy(next.sums + (r * J * kVectors + v) * kBlock, &sum[r][v], sizeof sum[r][v]);
      }
    }
    next.x += next.x_step;
    next.weights += next.weights_step;
    next.sums += next.sums_step;
  }
  p = next;
}

using TileKernel = void (*)(TileProducts&);

template <class Body, int J, std::size_t... I>
const TileKernel* tile_kernels(std::index_sequence<I...>) {
  static constexpr TileKernel list[] = {&tile_products<Body, static_cast<int>(I) + 1, J>...};
  return list;
}

// Those for 1 to kRows tiles and `blocks` (1..kPanelBlocks) blocks of filters.
template <class Body>
const TileKernel* tile_kernels(int blocks) {
  constexpr std::make_index_sequence<kRows> rows;
  return blocks == 1 ? tile_kernels<Body, 1>(rows) : tile_kernels<Body, kPanelBlocks>(rows);
}

}  // namespace pydarknet::int8
