#include "ops/elementwise.h"

#include <atomic>
#include <cmath>
#include <cstring>

#include "cpu/lib/flat.h"

namespace pydarknet {
namespace {

using simd::IntLanes;
using simd::Lanes;

// Floats after which bad news is passed on.
constexpr std::int64_t kChunk = 4096;

bool finite_chunk(const float* x, std::int64_t first, std::int64_t last) {
  constexpr std::int32_t kExponent = 0x7f800000;
  IntLanes bad{};
  const auto work = [&](auto at) {
    const Lanes v = at.load(x);
    IntLanes bits;
    std::memcpy(&bits, &v, sizeof bits);
    bad |= (bits & kExponent) == kExponent;
  };
  for_lanes(first, last, work);
  for (int lane = 0; lane < kBlock; ++lane) {
    if (bad[lane]) return false;
  }
  return true;
}

}  // namespace

void fill(float* x, std::int64_t count, float value, Stream) {
  for_flat(count, [&](auto at) { at.store(x, simd::splat(value)); });
}

void scale(float* x, std::int64_t count, float factor, Stream) {
  for_flat(count, [&](auto at) { at.store(x, at.load(x) * factor); });
}

void add(const float* x, float* y, std::int64_t count, Stream) {
  for_flat(count, [&](auto at) { at.store(y, at.load(y) + at.load(x)); });
}

void binarize(const float* x, float* y, std::int64_t count, float below, float above, Stream) {
  const Lanes low = simd::splat(below), high = simd::splat(above);
  for_flat(count, [&](auto at) { at.store(y, at.load(x) > 0.0f ? high : low); });
}

void binarize_filters(const float* weights, float* y, int filters, std::int64_t each, Stream) {
  parallel_for(filters, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t f = begin; f < end; ++f) {
      const float* from = weights + f * each;
      double sum = 0;
      for (std::int64_t i = 0; i < each; ++i) sum += std::abs(from[i]);
      const auto mean = static_cast<float>(sum / static_cast<double>(each));
      for (std::int64_t i = 0; i < each; ++i) y[f * each + i] = from[i] > 0 ? mean : -mean;
    }
  });
}

void pass_backward(const float* dy, float* dx, std::int64_t count, bool accumulate, Stream stream) {
  if (accumulate) return add(dy, dx, count, stream);
  for_flat(count, [&](auto at) { at.store(dx, at.load(dy)); });
}

bool all_finite(const float* x, std::int64_t count, Stream) {
  std::atomic<bool> finite{true};
  parallel_for((count + kChunk - 1) / kChunk, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end && finite.load(std::memory_order_relaxed); ++i) {
      if (!finite_chunk(x, i * kChunk, std::min(count, (i + 1) * kChunk))) finite = false;
    }
  });
  return finite;
}

}  // namespace pydarknet
