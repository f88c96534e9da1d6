#include "ops/depth_pool.h"

#include <cfloat>

#include "cpu/lib/columns.h"

namespace pydarknet {
namespace {

using simd::IntLanes;
using simd::Lanes;

// The maximum of the channels g, g + step ..., and which one it is; -1 where nothing exceeds -FLT_MAX.
struct Top {
  Lanes value = simd::splat(-FLT_MAX);
  IntLanes channel = IntLanes{} - 1;

  Top(ConstPlain x, const Column& column, int g, int step) {
    for (int c = g; c < x.c; c += step) {
      const Lanes v = column.load(x.data + (column.image * x.c + c) * x.plane() + column.first);
      const IntLanes larger = v > value;
      channel = larger ? IntLanes{} + c : channel;
      value = larger ? v : value;
    }
  }
};

}  // namespace

void depth_pool_forward(ConstPlain x, Plain y, Stream) {
  for_columns(y.n, y.plane(), [&](const Column& column) {
    for (int g = 0; g < y.c; ++g) {
      column.store(y.data + (column.image * y.c + g) * y.plane() + column.first,
                   Top(x, column, g, y.c).value);
    }
  });
}

void depth_pool_backward(ConstPlain x, ConstPlain dy, Plain dx, bool accumulate, Stream) {
  for_columns(dy.n, dy.plane(), [&](const Column& column) {
    for (int g = 0; g < dy.c; ++g) {
      const Top top(x, column, g, dy.c);
      const Lanes d = column.load(dy.data + (column.image * dy.c + g) * dy.plane() + column.first);
      for (int c = g; c < x.c; c += dy.c) {
        float* to = dx.data + (column.image * x.c + c) * x.plane() + column.first;
        const Lanes v = top.channel == c ? d : Lanes{};
        column.store(to, accumulate ? column.load(to) + v : v);
      }
    }
  });
}

}  // namespace pydarknet
