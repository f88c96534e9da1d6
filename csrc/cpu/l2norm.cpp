#include "ops/l2norm.h"

#include <cmath>

#include "cpu/lib/columns.h"

namespace pydarknet {

void l2norm_forward(ConstPlain x, Plain y, Stream) {
  using simd::Lanes;
  for_columns(x.n, x.plane(), [&](const Column& column) {
    const std::int64_t start = column.image * x.image() + column.first;
    Lanes sum{};
    for (int c = 0; c < x.c; ++c) {
      const Lanes v = column.load(x.data + start + c * x.plane());
      sum += v * v;
    }
    Lanes length;
    for (int lane = 0; lane < kBlock; ++lane) length[lane] = sum[lane] == 0.0f ? 1.0f : std::sqrt(sum[lane]);
    for (int c = 0; c < x.c; ++c) {
      const std::int64_t at = start + c * x.plane();
      column.store(y.data + at, column.load(x.data + at) / length);
    }
  });
}

}  // namespace pydarknet
