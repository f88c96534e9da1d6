#include <cfloat>

#include "ops/columns.h"
#include "ops/softmax.h"
#include "simd/math.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// One group along memory.
void softmax_row(const float* x, float* y, int count, float temperature) {
  Lanes largest = simd::splat(-FLT_MAX), sum{};
  int i = 0;
  for (; i + kBlock <= count; i += kBlock) largest = simd::max(simd::load(x + i), largest);
  float top = -FLT_MAX;
  for (; i < count; ++i) top = x[i] > top ? x[i] : top;
  for (int lane = 0; lane < kBlock; ++lane) top = largest[lane] > top ? largest[lane] : top;
  for (i = 0; i + kBlock <= count; i += kBlock) {
    const Lanes e = simd::exp((simd::load(x + i) - top) / temperature);
    sum += e;
    simd::store(y + i, e);
  }
  float total = 0;
  if (const int rest = count - i; rest > 0) {
    const Lanes e = simd::exp((simd::load_first(x + i, rest) - top) / temperature);
    for (int lane = 0; lane < rest; ++lane) total += e[lane];
    simd::store_first(y + i, e, rest);
  }
  for (int lane = 0; lane < kBlock; ++lane) total += sum[lane];
  for (i = 0; i < count; ++i) y[i] /= total;
}

// One group across planes, at the pixels of one column.
void softmax_column(const float* x, float* y, int count, std::int64_t stride, const Column& column,
                    float temperature) {
  Lanes largest = simd::splat(-FLT_MAX), sum{};
  for (int c = 0; c < count; ++c) largest = simd::max(column.load(x + c * stride), largest);
  for (int c = 0; c < count; ++c) {
    const Lanes e = simd::exp((column.load(x + c * stride) - largest) / temperature);
    sum += e;
    column.store(y + c * stride, e);
  }
  for (int c = 0; c < count; ++c) column.store(y + c * stride, column.load(y + c * stride) / sum);
}

}  // namespace

void softmax_planes(const float* x, float* y, std::int64_t images, ChannelRange range, std::int64_t pixels,
                    ChannelGroups groups, float temperature) {
  const auto start = [&](std::int64_t image) { return (image * range.channels + range.first) * pixels; };
  if (pixels == 1) {
    parallel_for(images, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t image = begin; image < end; ++image) {
        std::int64_t at = start(image);
        for (int g = 0; g < groups.count; at += groups[g++])
          softmax_row(x + at, y + at, groups[g], temperature);
      }
    });
    return;
  }
  for_columns(images, pixels, [&](const Column& column) {
    std::int64_t at = start(column.image) + column.first;
    for (int g = 0; g < groups.count; at += groups[g++] * pixels) {
      softmax_column(x + at, y + at, groups[g], pixels, column, temperature);
    }
  });
}

void softmax_forward(ConstPlain x, Plain y, ChannelGroups groups, float temperature, Stream) {
  softmax_planes(x.data, y.data, x.n, {x.c, 0}, x.plane(), groups, temperature);
}

}  // namespace pydarknet
