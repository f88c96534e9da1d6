#include "ops/dropout.h"

#include "cpu/lib/flat.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Dropped numbers become 0 even where they are infinite.
template <class At>
Lanes kept(At at, const float* x, const std::uint8_t* mask, float scale) {
  simd::IntLanes keep{};
  for (int lane = 0; lane < at.count(); ++lane) keep[lane] = mask[at.i + lane];
  return keep != 0 ? at.load(x) * scale : Lanes{};
}

}  // namespace

void dropout_forward(const float* x, const std::uint8_t* mask, float* y, std::int64_t count, float scale,
                     Stream) {
  for_flat(count, [&](auto at) { at.store(y, kept(at, x, mask, scale)); });
}

void dropout_backward(const float* dy, const std::uint8_t* mask, float* dx, std::int64_t count, float scale,
                      bool accumulate, Stream) {
  for_flat(count, [&](auto at) {
    const Lanes v = kept(at, dy, mask, scale);
    at.store(dx, accumulate ? at.load(dx) + v : v);
  });
}

}  // namespace pydarknet
