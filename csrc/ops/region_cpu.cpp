#include <cstring>

#include "ops/region.h"
#include "simd/math.h"
#include "threads.h"

namespace pydarknet {
namespace {

enum class Entry { kLogistic, kAsIs, kSoftmax };

Entry entry_kind(int entry, const RegionShape& shape, bool tree) {
  if (entry < 2) return Entry::kLogistic;
  if (entry < 4) return Entry::kAsIs;
  if (entry < shape.coords) return Entry::kLogistic;
  if (entry > shape.coords) return tree || shape.softmax ? Entry::kSoftmax : Entry::kLogistic;
  if (!shape.background) return Entry::kLogistic;
  return shape.softmax && !tree ? Entry::kSoftmax : Entry::kAsIs;
}

}  // namespace

void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream) {
  const std::int64_t pixels = x.plane(), boxes = std::int64_t{x.n} * shape.anchors;
  const int entries = shape.entries();
  parallel_for(boxes * entries, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Entry kind = entry_kind(static_cast<int>(i % entries), shape, tree != nullptr);
      if (kind == Entry::kSoftmax) continue;
      const float* from = x.data + i * pixels;
      float* to = y.data + i * pixels;
      if (to != from) std::memcpy(to, from, static_cast<std::size_t>(pixels) * sizeof(float));
      if (kind == Entry::kLogistic)
        simd::transform(to, pixels, [](simd::Lanes v) { return simd::logistic(v); });
    }
  });
  if (tree) {
    softmax_planes(x.data, y.data, boxes, {entries, shape.coords + 1}, pixels, *tree, 1.0f);
  } else if (shape.softmax) {
    const int first = shape.coords + (shape.background ? 0 : 1);
    softmax_planes(x.data, y.data, boxes, {entries, first}, pixels, {1, entries - first}, 1.0f);
  }
}

}  // namespace pydarknet
