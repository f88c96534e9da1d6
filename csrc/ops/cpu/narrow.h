// Activations in fewer bits than a float has, on the CPU alone: bytes (ops/cpu/int8.h) and BF16
// (ops/cpu/bf16.h).
#pragma once
#include <cstdint>
#include <type_traits>

namespace pydarknet {

// Blocked, [n][blocks][h][w][lanes]; lanes is that of the element, whatever the instruction set.
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

}  // namespace pydarknet
