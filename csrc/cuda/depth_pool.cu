#include <cfloat>

#include "cuda/lib/pixels.h"
#include "ops/depth_pool.h"

namespace pydarknet {
namespace {

// The maximum of the channels g, g + step ..., and which one it is; -1 where nothing exceeds -FLT_MAX.
struct Top {
  float value = -FLT_MAX;
  int channel = -1;

  __device__ Top(const ConstPlain& x, int image, int g, int step, std::uint32_t pixel) {
    for (int c = g; c < x.c; c += step) {
      const float v = x.channel(image, c)[pixel];
      if (v > value) value = v, channel = c;
    }
  }
};

struct Forward {
  ConstPlain x;
  Plain y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / y.c), g = static_cast<int>(plane % y.c);
    y.data[plane * y.plane() + pixel] = Top(x, image, g, y.c, pixel).value;
  }
};

struct Backward {
  ConstPlain x, dy;
  Plain dx;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / dy.c), g = static_cast<int>(plane % dy.c);
    const Top top(x, image, g, dy.c, pixel);
    const float d = dy.data[plane * dy.plane() + pixel];
    for (int c = g; c < x.c; c += dy.c) {
      float& to = dx.channel(image, c)[pixel];
      to = (accumulate ? to : 0.0f) + (c == top.channel ? d : 0.0f);
    }
  }
};

}  // namespace

void depth_pool_forward(ConstPlain x, Plain y, Stream stream) {
  for_pixels("depth_pool_forward", planes_of(y), pixels_of(y), stream, Forward{x, y});
}

void depth_pool_backward(ConstPlain x, ConstPlain dy, Plain dx, bool accumulate, Stream stream) {
  for_pixels("depth_pool_backward", planes_of(dy), pixels_of(dy), stream, Backward{x, dy, dx, accumulate});
}

}  // namespace pydarknet
