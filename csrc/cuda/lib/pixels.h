// For ops that make one pixel of a plane at a time: a channel of plain activations, a block of blocked ones.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "device.h"
#include "ops/tensor.h"

namespace pydarknet {

// Pixels of a plane are counted in 32 bits: more of them would be 32 GiB of one block.
constexpr std::int64_t kMostPixels = std::numeric_limits<int>::max();

template <class Body>
__global__ void pixel_kernel(std::int64_t planes, std::uint32_t pixels, Body body) {
  const std::int64_t first = std::int64_t{blockIdx.y} * blockDim.y + threadIdx.y;
  for (std::int64_t plane = first; plane < planes; plane += std::int64_t{gridDim.y} * blockDim.y) {
    for (std::uint32_t p = blockIdx.x * blockDim.x + threadIdx.x; p < pixels; p += gridDim.x * blockDim.x) {
      body(plane, p);
    }
  }
}

template <class T>
std::int64_t planes_of(const TensorOf<T>& x) {
  return std::int64_t{x.n} * x.blocks();
}
template <class T>
std::int64_t planes_of(const PlainOf<T>& x) {
  return std::int64_t{x.n} * x.c;
}
template <class View>
std::int64_t pixels_of(const View& x) {
  return std::int64_t{x.h} * x.w;
}

// Calls body(plane, pixel) for all pixels of all planes; neighbouring threads have neighbouring pixels.
// Throws DeviceFailure for planes that can't be counted.
template <class Body>
void for_pixels(const char* name, std::int64_t planes, std::int64_t pixels, Stream stream, Body body) {
  constexpr int kThreads = 256, kMostBlocks = 1 << 15;
  if (pixels > kMostPixels) {
    throw DeviceFailure(std::string(name) + ": a plane of " + std::to_string(pixels) + " pixels; expected " +
                        std::to_string(kMostPixels) + " at most");
  }
  unsigned across = 1;  // threads of one block on one plane; small planes share a block
  while (across < kThreads && across < pixels) across *= 2;
  const dim3 block(across, kThreads / across);
  const auto blocks = [](std::int64_t items, unsigned each) {
    return static_cast<unsigned>(std::min<std::int64_t>((items + each - 1) / each, kMostBlocks));
  };
  launch(name, pixel_kernel<Body>, dim3(blocks(pixels, block.x), blocks(planes, block.y)), block, 0, stream,
         planes, static_cast<std::uint32_t>(pixels), body);
}

}  // namespace pydarknet
