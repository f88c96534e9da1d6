#include <algorithm>

#include "cpu/simd/vec.h"
#include "ops/route.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Lanes [begin, end) of every pixel of one block of y, from lanes that are `shift` further on in a block of
// x.
void add_lanes(const float* from, float* to, std::int64_t floats, int begin, int end, int shift,
               bool accumulate) {
  for (std::int64_t p = 0; p < floats; p += kBlock) {
    for (int i = begin; i < end; ++i) to[p + i] = from[p + i + shift] + (accumulate ? to[p + i] : 0.0f);
  }
}

void add_block(const float* from, float* to, std::int64_t floats) {
  for (std::int64_t p = 0; p < floats; p += kBlock)
    simd::store(to + p, simd::load(to + p) + simd::load(from + p));
}

void clear_lanes(float* to, std::int64_t floats, int begin) {
  for (std::int64_t p = 0; p < floats; p += kBlock) std::fill(to + p + begin, to + p + kBlock, 0.0f);
}

// The part of the run that lies in one block of y; its channels come from one or two blocks of x.
void fill_block(ConstTensor x, Tensor y, int image, int block, ChannelRun run, bool accumulate) {
  const int first = block * kBlock, run_end = run.to + run.count;
  const int end = std::min(first + kBlock, run_end);
  float* to = y.block(image, block);
  for (int channel = std::max(first, run.to); channel < end;) {
    const int source = channel - run.to + run.from, lane = channel - first;
    const int count = std::min(end - channel, kBlock - source % kBlock);
    const float* from = x.block(image, source / kBlock);
    if (count == kBlock && accumulate) {
      add_block(from, to, x.plane());
    } else if (count == kBlock) {
      std::copy_n(from, x.plane(), to);
    } else {
      add_lanes(from, to, x.plane(), lane, lane + count, source % kBlock - lane, accumulate);
    }
    channel += count;
  }
  if (!accumulate && end == run_end && end < first + kBlock) clear_lanes(to, y.plane(), end - first);
}

}  // namespace

void add_channels(ConstTensor x, Tensor y, ChannelRun run, bool accumulate, Stream) {
  if (run.count == 0) return;
  const int first = run.to / kBlock, blocks = (run.to + run.count - 1) / kBlock - first + 1;
  parallel_for(std::int64_t{x.n} * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      fill_block(x, y, static_cast<int>(i / blocks), first + static_cast<int>(i % blocks), run, accumulate);
    }
  });
}

}  // namespace pydarknet
