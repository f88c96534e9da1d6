#include "cpu/lib/flat.h"
#include "ops/activation.h"

namespace pydarknet {
namespace {

using simd::Lanes;
using simd::splat;

Lanes between(Lanes y, float low, float high, float inside, float outside) {
  const Lanes below = y < high ? splat(inside) : splat(outside);
  return y > low ? below : splat(outside);
}
Lanes above_zero(Lanes y, float above, float below) { return y > 0.0f ? splat(above) : splat(below); }
// Equal numbers mean that y lies on a step of the stairs. No instruction set's baseline has a vector floor.
Lanes stair_slope(Lanes y) {
  for (int lane = 0; lane < kBlock; ++lane) y[lane] = __builtin_floorf(y[lane]) == y[lane] ? 0.0f : 1.0f;
  return y;
}

template <class F>
void multiply(const float* y, float* dy, std::int64_t count, F slope) {
  for_flat(count, [&](auto at) { at.store(dy, at.load(dy) * slope(at.load(y))); });
}

}  // namespace

void activate_backward(const float* y, float* dy, std::int64_t count, Activation activation, Stream) {
  const auto with = [&](auto slope) { multiply(y, dy, count, slope); };
  switch (activation) {
    case Activation::kLogistic:
      return with([](Lanes v) { return (1.0f - v) * v; });
    case Activation::kLoggy:
      return with([](Lanes v) {
        const Lanes logistic = (v + 1.0f) * 0.5f;
        return 2.0f * (1.0f - logistic) * logistic;
      });
    case Activation::kRelu:
      return with([](Lanes v) { return above_zero(v, 1.0f, 0.0f); });
    case Activation::kElu:
      return with([](Lanes v) { return v >= 0.0f ? splat(1.0f) : v + 1.0f; });
    case Activation::kSelu:
      return with([](Lanes v) { return v >= 0.0f ? splat(1.0507f) : v + 1.0507f * 1.6732f; });
    case Activation::kRelie:
      return with([](Lanes v) { return above_zero(v, 1.0f, 0.01f); });
    case Activation::kPlse:
      return with([](Lanes v) {
        const Lanes not_high = v > 1.0f ? splat(0.01f) : splat(0.125f);
        return v < 0.0f ? splat(0.01f) : not_high;
      });
    case Activation::kHardtan:
      return with([](Lanes v) { return between(v, -1.0f, 1.0f, 1.0f, 0.0f); });
    case Activation::kLhtan:
      return with([](Lanes v) { return between(v, 0.0f, 1.0f, 1.0f, 0.001f); });
    case Activation::kRamp:
      return with([](Lanes v) { return above_zero(v, 1.1f, 0.1f); });
    case Activation::kLeaky:
      return with([](Lanes v) { return above_zero(v, 1.0f, 0.1f); });
    case Activation::kTanh:
      return with([](Lanes v) { return 1.0f - v * v; });
    case Activation::kStair:
      return with([](Lanes v) { return stair_slope(v); });
    case Activation::kRelu6:
      return with([](Lanes v) { return between(v, 0.0f, 6.0f, 1.0f, 0.0f); });
    case Activation::kLinear:
    case Activation::kSwish:
    case Activation::kMish:
    case Activation::kHardMish:
    case Activation::kGelu:
      return;
  }
}

}  // namespace pydarknet
