#include <algorithm>
#include <cmath>

#include "ops/columns.h"
#include "ops/normalization.h"

namespace pydarknet {

void lrn_forward(ConstPlain x, Plain y, int size, float alpha, float beta, float kappa, Stream) {
  using simd::Lanes;
  for_columns(x.n, x.plane(), [&](const Column& column) {
    const float* from = x.channel(static_cast<int>(column.image), 0) + column.first;
    float* to = y.channel(static_cast<int>(column.image), 0) + column.first;
    const auto term = [&](int c) {
      const Lanes v = column.load(from + c * x.plane());
      return alpha * v * v;
    };
    Lanes norm = simd::splat(kappa);
    for (int c = 0; c < std::min(size / 2, x.c); ++c) norm += term(c);
    for (int c = 0; c < x.c; ++c) {
      const int leaves = c - (size - 1) / 2 - 1, enters = c + size / 2;
      if (c > 0 && leaves >= 0) norm -= term(leaves);
      if (c > 0 && enters < x.c) norm += term(enters);
      Lanes factor;
      for (int lane = 0; lane < kBlock; ++lane) factor[lane] = std::pow(norm[lane], -beta);
      column.store(to + c * x.plane(), column.load(from + c * x.plane()) * factor);
    }
  });
}

}  // namespace pydarknet
