#include "cuda/lib/pixels.h"
#include "ops/normalization.h"

namespace pydarknet {
namespace {

// y = v * (kappa + alpha * s)^-beta, where s sums squares of x. Each thread sums a window of its own: the
// running sum of the CPU would make threads wait, and loses digits.
struct Normalization {
  ConstPlain x;
  const float* v;
  float* y;
  Lrn lrn;
  bool accumulate;

  __device__ static float square(float v) { return v * v; }
  __device__ float sum(const float* image, int channel, std::uint32_t pixel) const {
    const int first = max(channel - (lrn.size - 1) / 2, 0), last = min(channel + lrn.size / 2, x.c - 1);
    const int lost = lrn.size / 2;
    float sum = 0.0f;
    for (int c = first; c <= last; ++c) {
      if (c != lost) sum += square(image[c * x.plane() + pixel]);
    }
    return first > lost ? sum - square(image[lost * x.plane() + pixel]) : sum;
  }
  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / x.c), channel = static_cast<int>(plane % x.c);
    const float norm = lrn.kappa + lrn.alpha * sum(x.channel(image, 0), channel, pixel);
    const std::int64_t at = plane * x.plane() + pixel;
    const float result = v[at] * powf(norm, -lrn.beta);
    y[at] = accumulate ? y[at] + result : result;
  }
};

}  // namespace

void lrn_forward(ConstPlain x, Plain y, Lrn lrn, Stream stream) {
  for_pixels("lrn_forward", planes_of(x), pixels_of(x), stream, Normalization{x, x.data, y.data, lrn, false});
}

void lrn_backward(ConstPlain x, ConstPlain dy, Plain dx, Lrn lrn, bool accumulate, Stream stream) {
  for_pixels("lrn_backward", planes_of(x), pixels_of(x), stream,
             Normalization{x, dy.data, dx.data, lrn, accumulate});
}

}  // namespace pydarknet
