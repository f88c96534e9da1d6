#include "ops/region.h"

#include <cstring>

#include "cpu/lib/logistic.h"
#include "shared/region_entries.h"
#include "shared/threads.h"

namespace pydarknet {

void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream stream) {
  const std::int64_t pixels = x.plane(), boxes = std::int64_t{x.n} * shape.anchors;
  const int entries = shape.entries();
  parallel_for(boxes * entries, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int entry = static_cast<int>(i % entries);
      const RegionEntry kind = entry_kind(entry, shape, tree != nullptr);
      if (kind == RegionEntry::kSoftmax) continue;
      const float* from = x.data + i * pixels;
      float* to = y.data + i * pixels;
      if (kind == RegionEntry::kLogistic) {
        logistic(from, to, pixels);
      } else if (to != from) {
        std::memcpy(to, from, static_cast<std::size_t>(pixels) * sizeof(float));
      }
      if (!is_spread(entry, shape)) continue;
      for (std::int64_t p = 0; p < pixels; ++p) to[p] = spread(to[p], shape.spread);
    }
  });
  region_softmax(x, y, shape, tree, stream);
}

}  // namespace pydarknet
