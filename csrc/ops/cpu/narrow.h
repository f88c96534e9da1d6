// Activations in fewer bits than a float has, on the CPU alone: bytes (ops/cpu/int8.h) and BF16
// (ops/cpu/bf16.h), and the layers that only move or compare them.
#pragma once
#include <cstdint>
#include <type_traits>

#include "ops/pool.h"

namespace pydarknet {

// Channels of a block, whatever the instruction set. One of BF16 is a cache line.
inline constexpr int kByteBlock = 16, kHalfBlock = 32;
template <class T>
inline constexpr int kNarrowBlock = sizeof(T) == 1 ? kByteBlock : kHalfBlock;

// Blocked, [n][blocks][h][w][lanes].
template <class T>
struct NarrowOf {
  T* data;
  int n, blocks, h, w, lanes;

  std::int64_t plane() const { return std::int64_t{h} * w * lanes; }
  std::int64_t image() const { return plane() * blocks; }
  T* block(int image_index, int block_index) const {
    return data + image_index * image() + block_index * plane();
  }
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T>>>
  operator NarrowOf<U>() const {
    return {data, n, blocks, h, w, lanes};
  }
};

// Of std::uint8_t, or of std::uint16_t for BF16; all arrays have kNarrowBlock<T> lanes.

// As maxpool_forward; in place of -FLT_MAX stands the lowest finite number, of bytes 0.
template <class T>
void narrow_maxpool(NarrowOf<const T> x, NarrowOf<T> y, const PoolWindows& windows);

// Channels [from, from + channels) of x become those from `to` on of y. The other lanes of the last of their
// blocks become 0.
template <class T>
void narrow_copy_channels(NarrowOf<const T> x, NarrowOf<T> y, int from, int to, int channels);

// As reorg_blocked.
template <class T>
void narrow_reorg(NarrowOf<const T> x, NarrowOf<T> y, int channels, int stride);

// Each pixel repeated `stride` times along both axes.
template <class T>
void narrow_upsample(NarrowOf<const T> x, NarrowOf<T> y, int stride);

}  // namespace pydarknet
