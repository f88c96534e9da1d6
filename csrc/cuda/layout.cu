#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/layout.h"

namespace pydarknet {
namespace {

// Four channels are read side by side, each by neighbouring threads at neighbouring pixels.
struct ToBlocked {
  ConstPlain x;
  Tensor y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / y.blocks()), channel = plane % y.blocks() * kBlock;
    const float* from = x.channel(image, channel) + pixel;
    const std::int64_t next = x.plane();
    Lanes v = splat(0.0f);
    v.x = from[0];
    if (channel + 1 < x.c) v.y = from[next];
    if (channel + 2 < x.c) v.z = from[2 * next];
    if (channel + 3 < x.c) v.w = from[3 * next];
    store(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, v);
  }
};

struct FromBlocked {
  ConstTensor x;
  Plain y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / x.blocks()), channel = plane % x.blocks() * kBlock;
    const Lanes v = load(x.data + plane * x.plane() + std::int64_t{pixel} * kBlock);
    float* to = y.channel(image, channel) + pixel;
    const std::int64_t next = y.plane();
    to[0] = v.x;
    if (channel + 1 < y.c) to[next] = v.y;
    if (channel + 2 < y.c) to[2 * next] = v.z;
    if (channel + 3 < y.c) to[3 * next] = v.w;
  }
};

}  // namespace

void to_blocked(ConstPlain x, Tensor y, Stream stream) {
  for_pixels("to_blocked", planes_of(y), pixels_of(y), stream, ToBlocked{x, y});
}

void from_blocked(ConstTensor x, Plain y, Stream stream) {
  for_pixels("from_blocked", planes_of(x), pixels_of(x), stream, FromBlocked{x, y});
}

}  // namespace pydarknet
