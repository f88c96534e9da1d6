#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/route.h"

namespace pydarknet {
namespace {

// The four floats from `shift` on of two pixels' lanes side by side.
__device__ Lanes shifted(Lanes a, Lanes b, int shift) {
  switch (shift) {
    case 0:
      return a;
    case 1:
      return make_float4(a.y, a.z, a.w, b.x);
    case 2:
      return make_float4(a.z, a.w, b.x, b.y);
    default:
      return make_float4(a.w, b.x, b.y, b.z);
  }
}

struct AddChannels {
  ConstTensor x;
  Tensor y;
  ChannelRun run;
  int first, blocks;  // of y
  bool accumulate;

  __device__ Lanes source(int image, int block, std::uint32_t pixel) const {
    if (block < 0 || block >= x.blocks()) return splat(0.0f);
    return load(x.block(image, block) + std::int64_t{pixel} * kBlock);
  }
  // One lane of y, from what x has for it and what it holds.
  __device__ float merged(int channel, float v, float before) const {
    if (channel < run.to) return before;
    if (channel >= run.to + run.count) return accumulate ? before : 0.0f;
    return accumulate ? before + v : v;
  }
  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / blocks), block = first + static_cast<int>(plane % blocks);
    const int channel = block * kBlock, from = channel - run.to + run.from;
    const int shift = from & (kBlock - 1), from_block = (from - shift) / kBlock;
    const Lanes low = source(image, from_block, pixel);
    const Lanes v = shift ? shifted(low, source(image, from_block + 1, pixel), shift) : low;
    float* to = y.block(image, block) + std::int64_t{pixel} * kBlock;
    const Lanes before = accumulate || channel < run.to ? load(to) : splat(0.0f);
    store(to, make_float4(merged(channel, v.x, before.x), merged(channel + 1, v.y, before.y),
                          merged(channel + 2, v.z, before.z), merged(channel + 3, v.w, before.w)));
  }
};

}  // namespace

void add_channels(ConstTensor x, Tensor y, ChannelRun run, bool accumulate, Stream stream) {
  if (run.count == 0) return;
  const int first = run.to / kBlock, blocks = (run.to + run.count - 1) / kBlock - first + 1;
  for_pixels("add_channels", std::int64_t{x.n} * blocks, pixels_of(x), stream,
             AddChannels{x, y, run, first, blocks, accumulate});
}

void copy_channels(ConstTensor x, Tensor y, int offset, int channels, Stream stream) {
  add_channels(x, y, {0, offset, channels}, false, stream);
}

}  // namespace pydarknet
