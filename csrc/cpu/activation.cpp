#include "ops/activation.h"

#include <algorithm>
#include <cmath>

#include "cpu/simd/math.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;
using simd::splat;

Lanes relu(Lanes x) { return x > 0.0f ? x : splat(0.0f); }
Lanes slope_below_zero(Lanes x, float slope) { return x > 0.0f ? x : x * slope; }
Lanes elu(Lanes x, float scale) { return x >= 0.0f ? x : scale * simd::expm1(x); }
Lanes plse(Lanes x) {
  const Lanes high = x > 4.0f ? 0.01f * (x - 4.0f) + 1.0f : 0.125f * x + 0.5f;
  return x < -4.0f ? 0.01f * (x + 4.0f) : high;
}
Lanes hardtan(Lanes x) { return simd::at_most(simd::at_least(x, -1.0f), 1.0f); }
Lanes lhtan(Lanes x) {
  const Lanes high = x > 1.0f ? 0.001f * (x - 1.0f) + 1.0f : x;
  return x < 0.0f ? 0.001f * x : high;
}
// x * tanh(log(1 + e^x)): with e = e^x the tanh is e(e + 2) / (e(e + 2) + 2), which is 1 from x = 20 on.
Lanes mish(Lanes x) {
  const Lanes e = simd::exp(simd::at_most(x, 20.0f)), product = e * (e + 2.0f);
  return x * (product / (product + 2.0f));
}
Lanes hard_mish(Lanes x) {
  const Lanes middle = x > -2.0f ? x * x * 0.5f + x : splat(0.0f);
  return x > 0.0f ? x : middle;
}
Lanes gelu(Lanes x) { return 0.5f * x * (1.0f + simd::tanh(0.797885f * x + 0.035677f * x * x * x)); }
// Steps on even unit intervals, slopes on odd ones.
float stair(float x) {
  const float floor = std::floor(x), half = std::floor(x * 0.5f);
  return floor == 2.0f * half ? half : (x - floor) + half;
}

void activate_part(const float* x, float* y, std::int64_t count, Activation activation) {
  const auto with = [&](auto f) { simd::transform(x, y, count, f); };
  switch (activation) {
    case Activation::kLinear:
      if (x != y) std::copy_n(x, count, y);
      return;
    case Activation::kLogistic:
      return with([](Lanes v) { return simd::logistic(v); });
    case Activation::kLoggy:
      return with([](Lanes v) { return simd::tanh(0.5f * v); });
    case Activation::kRelu:
      return with([](Lanes v) { return relu(v); });
    case Activation::kElu:
      return with([](Lanes v) { return elu(v, 1.0f); });
    case Activation::kSelu:
      return with([](Lanes v) { return 1.0507f * elu(v, 1.6732f); });
    case Activation::kRelie:
      return with([](Lanes v) { return slope_below_zero(v, 0.01f); });
    case Activation::kPlse:
      return with([](Lanes v) { return plse(v); });
    case Activation::kHardtan:
      return with([](Lanes v) { return hardtan(v); });
    case Activation::kLhtan:
      return with([](Lanes v) { return lhtan(v); });
    case Activation::kRamp:
      return with([](Lanes v) { return relu(v) + 0.1f * v; });
    case Activation::kLeaky:
      return with([](Lanes v) { return slope_below_zero(v, 0.1f); });
    case Activation::kTanh:
      return with([](Lanes v) { return simd::tanh(v); });
    case Activation::kStair:
      for (std::int64_t i = 0; i < count; ++i) y[i] = stair(x[i]);
      return;
    case Activation::kRelu6:
      return with([](Lanes v) { return simd::at_most(simd::at_least(v, 0.0f), 6.0f); });
    case Activation::kSwish:
      return with([](Lanes v) { return v * simd::logistic(v); });
    case Activation::kMish:
      return with([](Lanes v) { return mish(v); });
    case Activation::kHardMish:
      return with([](Lanes v) { return hard_mish(v); });
    case Activation::kGelu:
      return with([](Lanes v) { return gelu(v); });
  }
}

}  // namespace

void activate(const float* x, float* y, std::int64_t count, Activation activation, Stream) {
  constexpr std::int64_t kChunk = 16;  // Parts begin on cache lines, so threads share none.
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  parallel_for(chunks, 512, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kChunk, last = end * kChunk < count ? end * kChunk : count;
    activate_part(x + first, y + first, last - first, activation);
  });
}

}  // namespace pydarknet
