// Sums over the pixels of all images, channel by channel, that don't depend on the number of threads: chunks
// of pixels are summed in parallel, and the chunks' sums are added up in order, in double.
#pragma once
#include <algorithm>
#include <vector>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {

// Neighbouring pixels of one channel block of one image.
struct PixelChunk {
  int block;
  std::int64_t offset, floats;  // of the first pixel, and of all of them
  float pixels() const { return static_cast<float>(floats / kBlock); }
};

class PixelChunks {
 public:
  // As few that they stay in the first-level cache, or rows of x.
  explicit PixelChunks(const ConstTensor& x) : PixelChunks(x, 4096) {}
  static PixelChunks rows(const ConstTensor& x) { return {x, std::max(1, x.w) * kBlock}; }

  std::int64_t count() const { return images_ * blocks_ * per_plane_; }

  PixelChunk operator[](std::int64_t i) const {
    const std::int64_t first = i % per_plane_ * most_;
    return {static_cast<int>(i / per_plane_ % blocks_), i / per_plane_ * plane_ + first,
            std::min(most_, plane_ - first)};
  }

  // Calls work(i) for every chunk, in parallel.
  template <class F>
  void for_each(F work) const {
    parallel_for(count(), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) work(i);
    });
  }

  // Calls work(i) for every chunk of one block, in order.
  template <class F>
  void of_block(int block, F work) const {
    for (std::int64_t image = 0; image < images_; ++image) {
      const std::int64_t first = (image * blocks_ + block) * per_plane_;
      for (std::int64_t i = first; i < first + per_plane_; ++i) work(i);
    }
  }

 private:
  PixelChunks(const ConstTensor& x, std::int64_t most)
      : images_(x.n),
        blocks_(x.blocks()),
        plane_(x.plane()),
        most_(most),
        per_plane_((plane_ + most - 1) / most) {}

  std::int64_t images_, blocks_, plane_, most_, per_plane_;
};

// The sum of term(offset) over a chunk's pixels, in four chains, as one would wait for each addition.
template <class F>
inline auto sum_over(const PixelChunk& chunk, F term) {
  decltype(term(0)) parts[4] = {};
  const std::int64_t end = chunk.offset + chunk.floats;
  std::int64_t at = chunk.offset;
  for (; at + 4 * kBlock <= end; at += 4 * kBlock) {
    PYDARKNET_UNROLL
    for (int i = 0; i < 4; ++i) parts[i] += term(at + i * kBlock);
  }
  for (; at < end; at += kBlock) parts[0] += term(at);
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

// One register for each chunk.
class ChunkSums {
 public:
  explicit ChunkSums(const PixelChunks& chunks) : chunks_(chunks), sums_(chunks.count() * kBlock) {}

  void set(std::int64_t i, simd::Lanes v) { simd::store(sums_.data() + i * kBlock, v); }
  simd::Lanes operator[](std::int64_t i) const { return simd::load(sums_.data() + i * kBlock); }

  // Of one channel over all its chunks.
  double total(int channel) const {
    double total = 0;
    chunks_.of_block(channel / kBlock,
                     [&](std::int64_t i) { total += sums_[i * kBlock + channel % kBlock]; });
    return total;
  }

 private:
  const PixelChunks& chunks_;
  std::vector<float> sums_;
};

// Per channel floats by blocks: zeros past the last channel.
class ChannelValues {
 public:
  ChannelValues(int blocks) : values_(static_cast<std::size_t>(blocks) * kBlock) {}
  float& operator[](int channel) { return values_[channel]; }
  simd::Lanes block(int block) const { return simd::load(values_.data() + std::int64_t{block} * kBlock); }

 private:
  std::vector<float> values_;
};

}  // namespace pydarknet
