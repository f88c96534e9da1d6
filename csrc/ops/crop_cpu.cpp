#include "ops/crop.h"
#include "threads.h"

namespace pydarknet {

void crop_forward(ConstPlain x, Plain y, float scale, float shift, Stream) {
  const std::int64_t top = (x.h - y.h) / 2, left = (x.w - y.w) / 2;
  parallel_for(std::int64_t{y.n} * y.c * y.h, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = x.data + i / y.h * x.plane() + (top + i % y.h) * x.w + left;
      float* to = y.data + i * y.w;
      for (int j = 0; j < y.w; ++j) to[j] = from[j] * scale + shift;
    }
  });
}

}  // namespace pydarknet
