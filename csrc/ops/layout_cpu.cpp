#include <algorithm>

#include "ops/layout.h"
#include "threads.h"

namespace pydarknet {

void to_blocked(ConstPlain x, Tensor y, Stream) {
  const std::int64_t pixels = x.plane();
  parallel_for(std::int64_t{y.n} * y.blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int image = static_cast<int>(i / y.blocks()), block = static_cast<int>(i % y.blocks());
      const int lanes = std::min(kBlock, x.c - block * kBlock);
      float* to = y.block(image, block);
      for (int lane = 0; lane < kBlock; ++lane) {
        const float* from = lane < lanes ? x.channel(image, block * kBlock + lane) : nullptr;
        for (std::int64_t p = 0; p < pixels; ++p) to[p * kBlock + lane] = from ? from[p] : 0.0f;
      }
    }
  });
}

void from_blocked(ConstTensor x, Plain y, Stream) {
  const std::int64_t pixels = y.plane();
  parallel_for(std::int64_t{y.n} * y.c, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int image = static_cast<int>(i / y.c), channel = static_cast<int>(i % y.c);
      const float* from = x.block(image, channel / kBlock) + channel % kBlock;
      float* to = y.channel(image, channel);
      for (std::int64_t p = 0; p < pixels; ++p) to[p] = from[p * kBlock];
    }
  });
}

}  // namespace pydarknet
