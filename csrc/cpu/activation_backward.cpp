#include "cpu/lib/flat.h"
#include "cpu/simd/math.h"
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

// Slopes at the input x.
Lanes swish_slope(Lanes x) {
  const Lanes logistic = simd::logistic(x);
  return logistic + x * logistic * (1.0f - logistic);
}
// With w = e^x (e^x + 2), tanh(log(1 + e^x)) is w / (w + 2), whose slope is 4 e^x (e^x + 1) / (w + 2)^2.
// From x = 20 on the slope is 1.
Lanes mish_slope(Lanes x) {
  const Lanes v = simd::at_most(x, 20.0f), e = simd::exp(v), w = e * (e + 2.0f), above = w + 2.0f;
  return w / above + v * (4.0f * e * (e + 1.0f) / (above * above));
}
Lanes hard_mish_slope(Lanes x) {
  const Lanes middle = x > -2.0f ? x + 1.0f : splat(0.0f);
  return x > 0.0f ? splat(1.0f) : middle;
}
// The tanh is 1 or -1 beyond the bounds, which keep squares finite.
Lanes gelu_slope(Lanes x) {
  const Lanes v = simd::at_most(simd::at_least(x, -10.0f), 10.0f);
  const Lanes tanh = simd::tanh(0.797885f * v + 0.035677f * v * v * v);
  return 0.5f * (1.0f + tanh) + 0.5f * v * (1.0f - tanh * tanh) * (0.797885f + 0.107031f * v * v);
}

template <class F>
void multiply(const float* v, float* dy, std::int64_t count, F slope) {
  for_flat(count, [&](auto at) { at.store(dy, at.load(dy) * slope(at.load(v))); });
}

}  // namespace

void activate_backward(const float* v, float* dy, std::int64_t count, Activation activation, Stream) {
  const auto with = [&](auto slope) { multiply(v, dy, count, slope); };
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
    case Activation::kSwish:
      return with([](Lanes v) { return swish_slope(v); });
    case Activation::kMish:
      return with([](Lanes v) { return mish_slope(v); });
    case Activation::kHardMish:
      return with([](Lanes v) { return hard_mish_slope(v); });
    case Activation::kGelu:
      return with([](Lanes v) { return gelu_slope(v); });
    case Activation::kLinear:
      return;
  }
}

}  // namespace pydarknet
