#include "ops/normalize_channels.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "cpu/lib/columns.h"
#include "cpu/simd/math.h"

namespace pydarknet {
namespace {

using simd::Lanes;

Lanes part(Lanes v, Lanes top, ShareKind kind) {
  return kind == ShareKind::kRelu ? simd::at_least(v, 0.0f) : simd::exp(v - top);
}

float part(float v, float top, ShareKind kind) {
  return kind == ShareKind::kPlain ? v : kind == ShareKind::kRelu ? std::max(v, 0.0f) : std::exp(v - top);
}

}  // namespace

void normalize_channels_forward(ConstPlain x, Plain y, ShareKind kind, Stream) {
  for_columns(x.n, x.plane(), [&](const Column& column) {
    const auto at = [&](int c) { return (column.image * x.c + c) * x.plane() + column.first; };
    Lanes top{}, sum = simd::splat(kShareEpsilon);
    if (kind == ShareKind::kSoftmaxTop) {
      top = simd::splat(-FLT_MAX);
      for (int c = 0; c < x.c; ++c) top = simd::max(column.load(x.data + at(c)), top);
    }
    for (int c = 0; c < x.c; ++c) sum += part(column.load(x.data + at(c)), top, kind);
    for (int c = 0; c < x.c; ++c) {
      column.store(y.data + at(c), part(column.load(x.data + at(c)), top, kind) / sum);
    }
  });
}

void normalize_channels_backward(ConstPlain y, Plain dy, ShareKind kind, Stream) {
  for_columns(y.n, y.plane(), [&](const Column& column) {
    const auto at = [&](int c) { return (column.image * y.c + c) * y.plane() + column.first; };
    Lanes sum{};
    for (int c = 0; c < y.c; ++c) sum += column.load(y.data + at(c)) * column.load(dy.data + at(c));
    for (int c = 0; c < y.c; ++c) {
      const Lanes d = column.load(dy.data + at(c));
      const auto counts = column.load(y.data + at(c)) > 0.0f;
      column.store(dy.data + at(c), kind == ShareKind::kRelu ? (counts ? d * sum : d) : d * sum);
    }
  });
}

void shortcut_weights(const float* weights, float* scales, ShortcutWeights sizes, ShareKind kind, Stream) {
  for (int c = 0; c < sizes.channels; ++c) {
    const auto weight = [&](int t) {
      return weights[std::int64_t{t} * sizes.each + (sizes.each > 1 ? c : 0)];
    };
    float top = weight(0), sum = kShareEpsilon;
    for (int t = 1; t < sizes.terms; ++t) top = std::max(top, weight(t));
    if (kind == ShareKind::kSoftmax) top = 0;
    for (int t = 0; t < sizes.terms; ++t) sum += part(weight(t), top, kind);
    for (int t = 0; t < sizes.terms; ++t) {
      scales[std::int64_t{t} * sizes.channels + c] =
          part(weight(t), top, kind) / (kind == ShareKind::kPlain ? 1.0f : sum);
    }
  }
}

}  // namespace pydarknet
