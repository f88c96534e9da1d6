// Sums over the pixels of all images, channel by channel: in double, and in an order that only the shape
// decides. Blocks of threads sum parts of the pixels; then a warp for each channel adds up the parts.
#pragma once
#include <algorithm>

#include "cuda/lib/lanes.h"

namespace pydarknet {

// kSums sums for each lane.
template <int kSums>
struct LaneSums {
  double of[kSums][kBlock];

  __device__ void add(int sum, Lanes v) {
    of[sum][0] += v.x;
    of[sum][1] += v.y;
    of[sum][2] += v.z;
    of[sum][3] += v.w;
  }
};

template <int kSums>
struct PartialSums {
  LaneSums<kSums>* data;
  int parts;

  __device__ LaneSums<kSums>& operator()(int block, int part) const {
    return data[std::int64_t{block} * parts + part];
  }
};

template <int kSums, class Term>
__global__ void channel_parts_kernel(ConstTensor x, Term term, PartialSums<kSums> partial) {
  const std::int64_t pixels = std::int64_t{x.h} * x.w, step = std::int64_t{gridDim.y} * blockDim.x;
  for (int block = blockIdx.x; block < x.blocks(); block += gridDim.x) {
    LaneSums<kSums> sums{};
    std::int64_t pixel = blockIdx.y * blockDim.x + threadIdx.x;
    for (int image = 0; image < x.n; pixel -= pixels, ++image) {
      const std::int64_t plane = image * x.image() + block * x.plane();
      for (; pixel < pixels; pixel += step) term(block, plane + pixel * kBlock, sums);
    }
    for (int sum = 0; sum < kSums; ++sum) {
      for (int lane = 0; lane < kBlock; ++lane) {
        const double total = block_sum(sums.of[sum][lane]);
        if (threadIdx.x == 0) partial(block, blockIdx.y).of[sum][lane] = total;
      }
    }
  }
}

template <int kSums, class Finish>
__global__ void channel_totals_kernel(PartialSums<kSums> partial, int channels, Finish finish) {
  for (int channel = blockIdx.x; channel < channels; channel += gridDim.x) {
    double totals[kSums] = {};
    for (int sum = 0; sum < kSums; ++sum) {
      for (int part = threadIdx.x; part < partial.parts; part += 32) {
        totals[sum] += partial(channel / kBlock, part).of[sum][channel % kBlock];
      }
      totals[sum] = warp_sum(totals[sum]);
    }
    if (threadIdx.x == 0) finish(channel, totals);
  }
}

// Calls term(block, offset, LaneSums<kSums>&), which adds what a pixel of x contributes, for all pixels, and
// then finish(channel, sums of the channel) for all of x's lanes.
template <int kSums, class Term, class Finish>
void sum_channels(const char* name, ConstTensor x, Stream stream, Term term, Finish finish) {
  constexpr int kThreads = 256, kPixelsEach = 8;
  const std::int64_t pixels = std::int64_t{x.n} * x.h * x.w;
  const std::int64_t most = std::clamp(2048 / std::max(x.blocks(), 1), 1, 512);
  const std::int64_t parts = std::clamp<std::int64_t>(pixels / (kThreads * kPixelsEach), 1, most);
  const Scratch<LaneSums<kSums>> scratch(x.blocks() * parts, stream);
  const PartialSums<kSums> partial{scratch.data(), static_cast<int>(parts)};
  const dim3 grid(grid_for(x.blocks(), 1), static_cast<unsigned>(parts));
  launch(name, channel_parts_kernel<kSums, Term>, grid, kThreads, 0, stream, x, term, partial);
  launch(name, channel_totals_kernel<kSums, Finish>, grid_for(x.c, 1), 32, 0, stream, partial, x.c, finish);
}

}  // namespace pydarknet
