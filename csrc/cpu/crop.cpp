#include "ops/crop.h"

#include "shared/threads.h"

namespace pydarknet {

void crop_train(ConstPlain x, Plain y, CropPlace place, float scale, float shift, Stream) {
  const std::int64_t first = place.flip ? x.w - 1 - place.left : place.left;
  parallel_for(std::int64_t{y.n} * y.c * y.h, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* from = x.data + i / y.h * x.plane() + (place.top + i % y.h) * x.w + first;
      float* to = y.data + i * y.w;
      for (int j = 0; j < y.w; ++j) to[j] = from[place.flip ? -j : j] * scale + shift;
    }
  });
}

void crop_forward(ConstPlain x, Plain y, float scale, float shift, Stream stream) {
  crop_train(x, y, {(x.h - y.h) / 2, (x.w - y.w) / 2, false}, scale, shift, stream);
}

}  // namespace pydarknet
