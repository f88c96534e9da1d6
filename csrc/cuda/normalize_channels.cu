#include <cfloat>

#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/normalize_channels.h"

namespace pydarknet {
namespace {

__device__ float part(float v, float top, ShareKind kind) {
  return kind == ShareKind::kPlain ? v : kind == ShareKind::kRelu ? (v > 0.0f ? v : 0.0f) : expf(v - top);
}

// The shares of `count` numbers, `stride` apart, to places `out_stride` apart.
__device__ void shares(const float* x, std::int64_t stride, float* y, std::int64_t out_stride, int count,
                       ShareKind kind) {
  float top = kind == ShareKind::kSoftmaxTop ? -FLT_MAX : 0.0f, sum = kShareEpsilon;
  for (int c = 0; kind == ShareKind::kSoftmaxTop && c < count; ++c) top = fmaxf(top, x[c * stride]);
  for (int c = 0; c < count; ++c) sum += part(x[c * stride], top, kind);
  for (int c = 0; c < count; ++c) {
    y[c * out_stride] = part(x[c * stride], top, kind) / (kind == ShareKind::kPlain ? 1.0f : sum);
  }
}

struct Forward {
  ConstPlain x;
  Plain y;
  ShareKind kind;

  __device__ void operator()(std::int64_t image, std::uint32_t pixel) const {
    const std::int64_t at = image * x.image() + pixel;
    shares(x.data + at, x.plane(), y.data + at, x.plane(), x.c, kind);
  }
};

struct Backward {
  ConstPlain y;
  Plain dy;
  ShareKind kind;

  __device__ void operator()(std::int64_t image, std::uint32_t pixel) const {
    const std::int64_t first = image * y.image() + pixel, next = y.plane();
    float sum = 0.0f;
    for (int c = 0; c < y.c; ++c) sum += y.data[first + c * next] * dy.data[first + c * next];
    for (int c = 0; c < y.c; ++c) {
      if (kind != ShareKind::kRelu || y.data[first + c * next] > 0.0f) dy.data[first + c * next] *= sum;
    }
  }
};

struct Weights {
  const float* weights;
  float* scales;
  ShortcutWeights sizes;
  ShareKind kind;

  __device__ void operator()(std::int64_t, std::uint32_t channel) const {
    const float* first = weights + (sizes.each > 1 ? channel : 0);
    shares(first, sizes.each, scales + channel, sizes.channels, sizes.terms, kind);
  }
};

}  // namespace

void normalize_channels_forward(ConstPlain x, Plain y, ShareKind kind, Stream stream) {
  for_pixels("normalize_channels_forward", x.n, pixels_of(x), stream, Forward{x, y, kind});
}

void normalize_channels_backward(ConstPlain y, Plain dy, ShareKind kind, Stream stream) {
  for_pixels("normalize_channels_backward", y.n, pixels_of(y), stream, Backward{y, dy, kind});
}

void shortcut_weights(const float* weights, float* scales, ShortcutWeights sizes, ShareKind kind,
                      Stream stream) {
  for_pixels("shortcut_weights", 1, sizes.channels, stream, Weights{weights, scales, sizes, kind});
}

}  // namespace pydarknet
