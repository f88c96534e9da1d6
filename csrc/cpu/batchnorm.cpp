#include "ops/batchnorm.h"

#include <algorithm>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {

void scale_bias(ConstTensor x, const float* scale, const float* bias, int channels, Tensor y, Stream) {
  parallel_for(std::int64_t{x.n} * x.blocks() * x.h, 4, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row = std::int64_t{x.w} * kBlock;
    for (std::int64_t i = begin; i < end; ++i) {
      const int first = static_cast<int>(i / x.h % x.blocks()) * kBlock,
                lanes = std::min(kBlock, channels - first);
      const simd::Lanes s = simd::load_first(scale + first, lanes), b = simd::load_first(bias + first, lanes);
      for (std::int64_t p = i * row; p < (i + 1) * row; p += kBlock) {
        simd::store(y.data + p, simd::load(x.data + p) * s + b);
      }
    }
  });
}

}  // namespace pydarknet
