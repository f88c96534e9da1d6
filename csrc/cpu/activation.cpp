#include "shared/activation.h"

#include <algorithm>

#include "cpu/lib/activate.h"
#include "cpu/lib/flat.h"
#include "cpu/lib/logistic.h"
#include "cpu/simd/math.h"

namespace pydarknet {
namespace {

// The arithmetic of shared/activation.h on vector registers.
struct Math {
  using V = simd::Lanes;
  static V constant(float value) { return simd::splat(value); }
  static V exp(V x) { return simd::exp(x); }
  static V exp_to(V x, float top) { return simd::exp(x, top); }
  static V expm1(V x) { return simd::expm1(x); }
  static V logistic(V x) { return simd::logistic(x); }
  static V tanh(V x) { return simd::tanh(x); }
  // No instruction set's baseline has a vector floor.
  static V floor(V x) {
    for (int lane = 0; lane < kBlock; ++lane) x[lane] = __builtin_floorf(x[lane]);
    return x;
  }
};

// For a network that rounds factors to BF16.
struct CoarseMath : Math {
  static V exp_to(V x, float top) { return simd::coarse_exp(x, top); }
};

template <class A, class M = Math>
void activate_part(const float* x, float* y, std::int64_t count) {
  simd::transform(x, y, count, [](typename M::V v) { return A::template f<M>(v); });
}

template <>
void activate_part<activation::Linear, Math>(const float* x, float* y, std::int64_t count) {
  if (x != y) std::copy_n(x, count, y);
}

template <class A>
void multiply_by_slope(const float* v, float* dy, std::int64_t count) {
  for_flat(count, [&](auto at) { at.store(dy, at.load(dy) * A::template slope<Math>(at.load(v))); });
}

template <>
void multiply_by_slope<activation::Linear>(const float*, float*, std::int64_t) {}

void activate_part(const float* x, float* y, std::int64_t count, Activation activation) {
  switch (activation) {
#define PYDARKNET_CASE(each) \
  case Activation::k##each:  \
    return activate_part<activation::each>(x, y, count);
    PYDARKNET_ACTIVATIONS(PYDARKNET_CASE)
#undef PYDARKNET_CASE
  }
}

template <class A, class M = Math>
void activate_floats(float* y, std::int64_t count) {
  activate_part<A, M>(y, y, count);
}

}  // namespace

ActivateFloats activation_after(Activation activation, Precision precision) {
  if (activation == Activation::kLinear || rectifier_slope(activation) != 1.0f) return nullptr;
  if (activation == Activation::kMish && precision == Precision::kBf16) {
    return activate_floats<activation::Mish, CoarseMath>;
  }
  switch (activation) {
#define PYDARKNET_CASE(each) \
  case Activation::k##each:  \
    return activate_floats<activation::each>;
    PYDARKNET_ACTIVATIONS(PYDARKNET_CASE)
#undef PYDARKNET_CASE
  }
  return nullptr;
}

void logistic(const float* x, float* y, std::int64_t count) {
  activate_part<activation::Logistic>(x, y, count);
}

void activate(const float* x, float* y, std::int64_t count, Activation activation, Stream) {
  constexpr std::int64_t kChunk = 16;  // Parts begin on cache lines, so threads share none.
  const std::int64_t chunks = (count + kChunk - 1) / kChunk;
  parallel_for(chunks, 512, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kChunk, last = end * kChunk < count ? end * kChunk : count;
    activate_part(x + first, y + first, last - first, activation);
  });
}

void activate_backward(const float* v, float* dy, std::int64_t count, Activation activation, Stream) {
  switch (activation) {
#define PYDARKNET_CASE(each) \
  case Activation::k##each:  \
    return multiply_by_slope<activation::each>(v, dy, count);
    PYDARKNET_ACTIVATIONS(PYDARKNET_CASE)
#undef PYDARKNET_CASE
  }
}

}  // namespace pydarknet
