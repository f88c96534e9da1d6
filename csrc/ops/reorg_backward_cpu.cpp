#include <vector>

#include "ops/reorg.h"
#include "threads.h"

namespace pydarknet {
namespace {

// A row of one of dx's channels is woven of `stride` rows of dy.
class ReorgRows {
 public:
  ReorgRows(ConstTensor dy, ConstTensor dx, int channels, int stride)
      : dy_(dy), h_(dx.h), channels_(channels), stride_(stride), depth_(channels / (stride * stride)) {}

  // Where the values of columns s, s + stride, .. of row r of channel c begin; null past the last channel.
  // Rows of dx in memory order are rows of the large picture cut in `stride` pieces, of which this is piece
  // u.
  const float* source(int image, int c, int r, int s) const {
    if (c >= channels_) return nullptr;
    const std::int64_t cut = std::int64_t{c} * h_ + r, u = cut % stride_, large_row = cut / stride_;
    const std::int64_t side = std::int64_t{h_} * stride_, j = large_row % side / stride_;
    const std::int64_t corner = large_row % side % stride_ * stride_ + s;
    const std::int64_t k = corner * depth_ + large_row / side, row = (k * h_ + j) * stride_ + u;
    const std::int64_t channel = row / dy_.h, pixel = row % dy_.h * dy_.w;
    return dy_.block(image, static_cast<int>(channel / kBlock)) + pixel * kBlock + channel % kBlock;
  }

 private:
  ConstTensor dy_;
  int h_, channels_, stride_, depth_;
};

}  // namespace

void reorg_backward(ConstTensor dy, Tensor dx, int channels, int stride, bool accumulate, Stream) {
  const ReorgRows rows(dy, dx, channels, stride);
  const std::int64_t row = std::int64_t{dx.w} * kBlock;
  parallel_for(std::int64_t{dx.n} * dx.blocks() * dx.h, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<const float*> sources(static_cast<std::size_t>(stride) * kBlock);
    for (std::int64_t i = begin; i < end; ++i) {
      const int r = static_cast<int>(i % dx.h), block = static_cast<int>(i / dx.h % dx.blocks());
      const int image = static_cast<int>(i / dx.h / dx.blocks());
      for (int s = 0; s < stride; ++s) {
        for (int lane = 0; lane < kBlock; ++lane) {
          sources[s * kBlock + lane] = rows.source(image, block * kBlock + lane, r, s);
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
