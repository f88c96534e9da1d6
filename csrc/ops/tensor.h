// Views of activations. Ops see nothing else of an array: no Python, no device types, no ownership.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "host_device.h"

namespace pydarknet {

// Channels per block; the build sets it to the lanes of one vector register (one float4 on a GPU).
inline constexpr int kBlock = PYDARKNET_BLOCK;

PYDARKNET_HD inline constexpr int blocks_of(int channels) { return (channels + kBlock - 1) / kBlock; }

// Opaque to ops that run on the CPU; a CUDA stream elsewhere.
struct Stream {
  void* handle = nullptr;
};

// Blocked activations, [n][c / kBlock][h][w][kBlock]; c counts lanes, so it is a multiple of kBlock.
template <class T>
struct TensorOf {
  T* data;
  int n, c, h, w;

  PYDARKNET_HD int blocks() const { return c / kBlock; }
  PYDARKNET_HD std::int64_t plane() const { return std::int64_t{h} * w * kBlock; }
  PYDARKNET_HD std::int64_t image() const { return plane() * blocks(); }
  PYDARKNET_HD std::int64_t size() const { return image() * n; }
  // First lane of pixel (0, 0) of one channel block.
  PYDARKNET_HD T* block(int image_index, int block_index) const {
    return data + image_index * image() + block_index * plane();
  }
  // To a view of const floats. A template, as such a view has no conversion to itself.
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T>>>
  PYDARKNET_HD operator TensorOf<U>() const {
    return {data, n, c, h, w};
  }
};

// Plain NCHW activations.
template <class T>
struct PlainOf {
  T* data;
  int n, c, h, w;

  PYDARKNET_HD std::int64_t plane() const { return std::int64_t{h} * w; }
  PYDARKNET_HD std::int64_t image() const { return plane() * c; }
  PYDARKNET_HD std::int64_t size() const { return image() * n; }
  PYDARKNET_HD T* channel(int image_index, int channel_index) const {
    return data + image_index * image() + channel_index * plane();
  }
  // To a view of const floats. A template, as such a view has no conversion to itself.
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T>>>
  PYDARKNET_HD operator PlainOf<U>() const {
    return {data, n, c, h, w};
  }
};

using Tensor = TensorOf<float>;
using ConstTensor = TensorOf<const float>;
using Plain = PlainOf<float>;
using ConstPlain = PlainOf<const float>;

}  // namespace pydarknet
