#include "cuda/lib/activation.h"
#include "device.h"
#include "shared/region_entries.h"

namespace pydarknet {
namespace {

constexpr int kBlockThreads = 256, kWarp = 32;

// A warp takes a plane of one entry, so that all its threads do the same.
__global__ void region_entries(ConstPlain x, Plain y, RegionShape shape, bool tree) {
  const std::int64_t planes = std::int64_t{x.n} * x.c, pixels = x.plane();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  for (std::int64_t i = global_thread() / kWarp; i < planes; i += global_threads() / kWarp) {
    const int entry = static_cast<int>(i % shape.entries());
    const RegionEntry kind = entry_kind(entry, shape, tree);
    if (kind == RegionEntry::kSoftmax) continue;
    for (std::int64_t p = i * pixels + lane; p < (i + 1) * pixels; p += kWarp) {
      const float value = kind == RegionEntry::kLogistic ? activation::Math::logistic(x.data[p]) : x.data[p];
      y.data[p] = is_spread(entry, shape) ? spread(value, shape.spread) : value;
    }
  }
}

}  // namespace

void region_forward(ConstPlain x, Plain y, RegionShape shape, const ChannelGroups* tree, Stream stream) {
  launch("region_forward", region_entries, grid_for(std::int64_t{x.n} * x.c * kWarp, kBlockThreads),
         kBlockThreads, 0, stream, x, y, shape, tree != nullptr);
  region_softmax(x, y, shape, tree, stream);
}

}  // namespace pydarknet
