#include "cuda/lib/flat.h"
#include "cuda/lib/pixels.h"
#include "ops/shortcut.h"

namespace pydarknet {
namespace {

// How pixels of two arrays meet along one axis.
struct Meeting {
  int count, step, other_step;
  Meeting(int side, int other)
      : count(std::min(side, other)),
        step(side > other && other > 0 ? side / other : 1),
        other_step(other > side && side > 0 ? other / side : 1) {}

  // The other's position that meets `position`; -1 if none does.
  __device__ int of(int position) const {
    const int index = position / step;
    return index < count && index * step == position ? index * other_step : -1;
  }
};

// Where a pixel of one array meets one of the other, and in how many channels.
struct Partner {
  ConstTensor mine, other;
  Meeting rows, columns;
  int shared;

  Partner(ConstTensor mine_, ConstTensor other_, int shared_)
      : mine(mine_), other(other_), rows(mine.h, other.h), columns(mine.w, other.w), shared(shared_) {}

  // The other's pixel, or null; `lanes` of the block count.
  __device__ const float* of(std::int64_t plane, std::uint32_t pixel, int& lanes) const {
    const int image = static_cast<int>(plane / mine.blocks()),
              block = static_cast<int>(plane % mine.blocks());
    const int row = rows.of(static_cast<int>(pixel / mine.w)),
              column = columns.of(static_cast<int>(pixel % mine.w));
    lanes = shared - block * kBlock;
    if (lanes <= 0 || row < 0 || column < 0) return nullptr;
    return other.block(image, block) + (std::int64_t{row} * other.w + column) * kBlock;
  }
};

__device__ Lanes first_lanes(Lanes v, Lanes otherwise, int count) {
  return make_float4(count > 0 ? v.x : otherwise.x, count > 1 ? v.y : otherwise.y,
                     count > 2 ? v.z : otherwise.z, count > 3 ? v.w : otherwise.w);
}

struct Shortcut {
  Partner partner;
  Tensor y;
  float alpha, beta;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t at = plane * y.plane() + std::int64_t{pixel} * kBlock;
    int lanes;
    const Lanes v = load(partner.mine.data + at);
    const float* add = partner.of(plane, pixel, lanes);
    store(y.data + at, add ? first_lanes(v * alpha + load(add) * beta, v, lanes) : v);
  }
};

// dadd's pixels that have no partner get nothing.
struct AddGradient {
  Partner partner;
  Tensor dadd;
  float beta;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Lanes zero = splat(0.0f);
    int lanes;
    const float* dy = partner.of(plane, pixel, lanes);
    if (!dy && accumulate) return;
    put(dadd.data + plane * dadd.plane() + std::int64_t{pixel} * kBlock,
        dy ? first_lanes(load(dy) * beta, zero, lanes) : zero, accumulate);
  }
};

struct ScaleGradient {
  const float* dy;
  float* dx;
  float alpha;
  bool accumulate;

  template <class At>
  __device__ void operator()(At at) const {
    const auto v = at.load(dy) * alpha;
    at.store(dx, accumulate ? at.load(dx) + v : v);
  }
};

}  // namespace

void shortcut_forward(ConstTensor x, ConstTensor add, Tensor y, int channels_x, int channels_add, float alpha,
                      float beta, Stream stream) {
  const Partner partner(x, add, std::min(channels_x, channels_add));
  for_pixels("shortcut_forward", planes_of(x), pixels_of(x), stream, Shortcut{partner, y, alpha, beta});
}

void shortcut_backward(ConstTensor dy, ShortcutGradients gradients, int channels_x, int channels_add,
                       float alpha, float beta, Stream stream) {
  constexpr const char* name = "shortcut_backward";
  const Tensor dadd = gradients.dadd;
  if (dadd.data) {  // The partner goes first, for dx may be dy.
    const Partner partner(dadd, dy, std::min(channels_x, channels_add));
    for_pixels(name, planes_of(dadd), pixels_of(dadd), stream,
               AddGradient{partner, dadd, beta, gradients.accumulate_add});
  }
  float* dx = gradients.dx.data;
  if (!dx || (dx == dy.data && alpha == 1.0f && !gradients.accumulate_x)) return;
  for_flat(name, dy.size(), stream, ScaleGradient{dy.data, dx, alpha, gradients.accumulate_x}, dy.data, dx);
}

}  // namespace pydarknet
