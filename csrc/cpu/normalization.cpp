#include "ops/normalization.h"

#include <algorithm>
#include <cmath>

#include "cpu/lib/columns.h"

namespace pydarknet {
namespace {

using simd::Lanes;
// Calls work(column, offset of a channel's pixels, factor) with the factors (kappa + alpha * s)^-beta.
template <class F>
void for_factors(ConstPlain x, Lrn lrn, F work) {
  for_columns(x.n, x.plane(), [&](const Column& column) {
    const std::int64_t start = column.image * x.image() + column.first;
    const auto term = [&](int c) {
      const Lanes v = column.load(x.data + start + c * x.plane());
      return lrn.alpha * v * v;
    };
    Lanes norm = simd::splat(lrn.kappa);
    for (int c = 0; c < std::min(lrn.size / 2, x.c); ++c) norm += term(c);
    for (int c = 0; c < x.c; ++c) {
      const int leaves = c - (lrn.size - 1) / 2 - 1, enters = c + lrn.size / 2;
      if (c > 0 && leaves >= 0) norm -= term(leaves);
      if (c > 0 && enters < x.c) norm += term(enters);
      Lanes factor;
      for (int lane = 0; lane < kBlock; ++lane) factor[lane] = std::pow(norm[lane], -lrn.beta);
      work(column, start + c * x.plane(), factor);
    }
  });
}

}  // namespace

void lrn_forward(ConstPlain x, Plain y, Lrn lrn, Stream) {
  for_factors(x, lrn, [&](const Column& column, std::int64_t at, Lanes factor) {
    column.store(y.data + at, column.load(x.data + at) * factor);
  });
}

void lrn_backward(ConstPlain x, ConstPlain dy, Plain dx, Lrn lrn, bool accumulate, Stream) {
  for_factors(x, lrn, [&](const Column& column, std::int64_t at, Lanes factor) {
    const Lanes v = column.load(dy.data + at) * factor;
    column.store(dx.data + at, accumulate ? column.load(dx.data + at) + v : v);
  });
}

}  // namespace pydarknet
