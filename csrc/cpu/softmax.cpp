#include "ops/softmax.h"

#include <cfloat>

#include "cpu/lib/columns.h"
#include "cpu/simd/math.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// One group along memory; `coolness` is 1 / temperature.
void softmax_row(const float* x, float* y, int count, float coolness) {
  Lanes largest = simd::splat(-FLT_MAX), sum{};
  int i = 0;
  for (; i + kBlock <= count; i += kBlock) largest = simd::max(simd::load(x + i), largest);
  float top = -FLT_MAX;
  for (; i < count; ++i) top = x[i] > top ? x[i] : top;
  for (int lane = 0; lane < kBlock; ++lane) top = largest[lane] > top ? largest[lane] : top;
  for (i = 0; i + kBlock <= count; i += kBlock) {
    const Lanes e = simd::exp((simd::load(x + i) - top) * coolness);
    sum += e;
    simd::store(y + i, e);
  }
  float total = 0;
  if (const int rest = count - i; rest > 0) {
    const Lanes e = simd::exp((simd::load_first(x + i, rest) - top) * coolness);
    for (int lane = 0; lane < rest; ++lane) total += e[lane];
    simd::store_first(y + i, e, rest);
  }
  for (int lane = 0; lane < kBlock; ++lane) total += sum[lane];
  const float scale = 1.0f / total;
  for (i = 0; i < count; ++i) y[i] *= scale;
}

// One group across planes, at the pixels of one column.
void softmax_column(const float* x, float* y, int count, std::int64_t stride, const Column& column,
                    float coolness) {
  Lanes largest = simd::splat(-FLT_MAX), sum{};
  for (int c = 0; c < count; ++c) largest = simd::max(column.load(x + c * stride), largest);
  for (int c = 0; c < count; ++c) {
    const Lanes e = simd::exp((column.load(x + c * stride) - largest) * coolness);
    sum += e;
    column.store(y + c * stride, e);
  }
  const Lanes scale = 1.0f / sum;
  for (int c = 0; c < count; ++c) column.store(y + c * stride, column.load(y + c * stride) * scale);
}

// Where the groups of an image begin, counted in channels, found by walking on from the last one asked for.
class GroupStarts {
 public:
  explicit GroupStarts(ChannelGroups groups) : groups_(groups) {}
  std::int64_t operator[](int group) {
    if (group < group_) group_ = 0, start_ = 0;
    while (group_ < group) start_ += groups_[group_++];
    return start_;
  }

 private:
  ChannelGroups groups_;
  int group_ = 0;
  std::int64_t start_ = 0;
};

}  // namespace

void softmax_planes(const float* x, float* y, std::int64_t images, ChannelRange range, std::int64_t pixels,
                    ChannelGroups groups, float temperature, Stream) {
  // A strip of a group's planes is read three times, from the cache; threads take strips.
  const float coolness = 1.0f / temperature;
  constexpr std::int64_t kStrip = 4 * kBlock;
  const std::int64_t strips = (pixels + kStrip - 1) / kStrip;
  parallel_for(images * groups.count * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    GroupStarts starts(groups);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t image = i / strips / groups.count, first = i % strips * kStrip;
      const int group = static_cast<int>(i / strips % groups.count), count = groups[group];
      const std::int64_t at = (image * range.channels + range.first + starts[group]) * pixels;
      if (pixels == 1) {
        softmax_row(x + at, y + at, count, coolness);
        continue;
      }
      for (std::int64_t p = first; p < std::min(pixels, first + kStrip); p += kBlock) {
        const Column column{image, p, static_cast<int>(std::min<std::int64_t>(kBlock, pixels - p))};
        softmax_column(x + at + p, y + at + p, count, pixels, column, coolness);
      }
    }
  });
}

void softmax_forward(ConstPlain x, Plain y, ChannelGroups groups, float temperature, Stream stream) {
  softmax_planes(x.data, y.data, x.n, {x.c, 0}, x.plane(), groups, temperature, stream);
}

}  // namespace pydarknet
