#include <vector>

#include "ops/reorg.h"
#include "shared/reorg_rows.h"
#include "shared/threads.h"

namespace pydarknet {
void reorg_backward(ConstTensor dy, Tensor dx, int channels, int stride, bool accumulate, Stream) {
  const ReorgRows rows(channels, dx.h, stride);
  const std::int64_t row = std::int64_t{dx.w} * kBlock;
  parallel_for(std::int64_t{dx.n} * dx.blocks() * dx.h, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<const float*> sources(static_cast<std::size_t>(stride) * kBlock);
    for (std::int64_t i = begin; i < end; ++i) {
      const int r = static_cast<int>(i % dx.h), block = static_cast<int>(i / dx.h % dx.blocks());
      const int image = static_cast<int>(i / dx.h / dx.blocks());
      for (int s = 0; s < stride; ++s) {
        for (int lane = 0; lane < kBlock; ++lane) {
          const int c = block * kBlock + lane;
          sources[s * kBlock + lane] = c < channels ? rows.in_small(c, r, s).in(dy, image) : nullptr;
        }
      }
      float* to = dx.data + i * row;
      for (int q = 0; q < dx.w; ++q, to += kBlock) {
        const float* const* from = sources.data() + q % stride * kBlock;
        const std::int64_t pixel = std::int64_t{q / stride} * kBlock;
        for (int lane = 0; lane < kBlock; ++lane) {
          const float v = from[lane] ? from[lane][pixel] : 0.0f;
          to[lane] = accumulate ? to[lane] + v : v;
        }
      }
    }
  });
}

}  // namespace pydarknet
