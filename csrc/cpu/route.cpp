#include "ops/route.h"

#include <algorithm>
#include <cstring>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// One block of y with `offset` on a block's boundary: lanes keep their places.
void copy_block(const float* from, float* to, std::int64_t pixels, int lanes) {
  if (lanes == kBlock) {
    std::memcpy(to, from, static_cast<std::size_t>(pixels) * kBlock * sizeof(float));
    return;
  }
  for (std::int64_t p = 0; p < pixels * kBlock; p += kBlock) {
    simd::store(to + p, simd::load_first(from + p, lanes));
  }
}

// `count` lanes of every pixel from lane `from_lane` on to lane `to_lane` on; `clear` lanes after them become
// 0.
void copy_lanes(const float* from, int from_lane, float* to, int to_lane, int count, int clear,
                std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels * kBlock; p += kBlock) {
    for (int i = 0; i < count; ++i) to[p + to_lane + i] = from[p + from_lane + i];
    for (int i = 0; i < clear; ++i) to[p + to_lane + count + i] = 0.0f;
  }
}

// One block of y with `offset` inside a block: its lanes come from two blocks of x.
void merge_block(ConstTensor x, Tensor y, int image, int block, int offset, int channels) {
  const int end = std::min((block + 1) * kBlock, offset + channels);
  int channel = std::max(block * kBlock, offset);
  while (channel < end) {
    const int source = channel - offset, from_lane = source % kBlock;
    const int count = std::min(end - channel, kBlock - from_lane);
    const bool last = channel + count == offset + channels;
    const int clear = last ? (block + 1) * kBlock - channel - count : 0;
    copy_lanes(x.block(image, source / kBlock), from_lane, y.block(image, block), channel % kBlock, count,
               clear, std::int64_t{x.h} * x.w);
    channel += count;
  }
}

}  // namespace

void copy_channels(ConstTensor x, Tensor y, int offset, int channels, Stream) {
  if (channels == 0) return;
  const int first = offset / kBlock, blocks = (offset + channels - 1) / kBlock - first + 1;
  parallel_for(std::int64_t{x.n} * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int image = static_cast<int>(i / blocks), block = static_cast<int>(i % blocks);
      if (offset % kBlock == 0) {
        copy_block(x.block(image, block), y.block(image, first + block), std::int64_t{x.h} * x.w,
                   std::min(kBlock, channels - block * kBlock));
      } else {
        merge_block(x, y, image, first + block, offset, channels);
      }
    }
  });
}

}  // namespace pydarknet
