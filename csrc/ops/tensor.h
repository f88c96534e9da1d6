// Views of activations. Ops see nothing else of an array: no Python, no device types, no ownership.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pydarknet {

// Channels per block; the build sets it to the lanes of one vector register (1 on a GPU: blocked is NCHW).
inline constexpr int kBlock = PYDARKNET_BLOCK;

inline constexpr int blocks_of(int channels) { return (channels + kBlock - 1) / kBlock; }

// Opaque to ops that run on the CPU; a CUDA stream elsewhere.
struct Stream {
  void* handle = nullptr;
};

// Blocked activations, [n][c / kBlock][h][w][kBlock]; c counts lanes, so it is a multiple of kBlock.
template <class T>
struct TensorOf {
  T* data;
  int n, c, h, w;

  int blocks() const { return c / kBlock; }
  std::int64_t plane() const { return std::int64_t{h} * w * kBlock; }
  std::int64_t image() const { return plane() * blocks(); }
  std::int64_t size() const { return image() * n; }
  // First lane of pixel (0, 0) of one channel block.
  T* block(int image_index, int block_index) const {
    return data + image_index * image() + block_index * plane();
  }
  operator TensorOf<const T>() const { return {data, n, c, h, w}; }
};

// Plain NCHW activations.
template <class T>
struct PlainOf {
  T* data;
  int n, c, h, w;

  std::int64_t plane() const { return std::int64_t{h} * w; }
  std::int64_t image() const { return plane() * c; }
  std::int64_t size() const { return image() * n; }
  T* channel(int image_index, int channel_index) const {
    return data + image_index * image() + channel_index * plane();
  }
  operator PlainOf<const T>() const { return {data, n, c, h, w}; }
};

using Tensor = TensorOf<float>;
using ConstTensor = TensorOf<const float>;
using Plain = PlainOf<float>;
using ConstPlain = PlainOf<const float>;

}  // namespace pydarknet
