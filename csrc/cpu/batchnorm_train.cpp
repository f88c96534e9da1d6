#include <cmath>

#include "cpu/lib/channel_sums.h"
#include "ops/batchnorm.h"

namespace pydarknet {
namespace {

using simd::Lanes;

double divisor(double variance, Deviation deviation) {
  return deviation.inside ? std::sqrt(variance + deviation.epsilon) : std::sqrt(variance) + deviation.epsilon;
}

// Of each chunk: a mean as near as floats go, what is left of it, and the sum of squared deviations.
class Moments {
 public:
  Moments(const float* x, const PixelChunks& chunks)
      : chunks_(chunks), means_(chunks), rests_(chunks), squares_(chunks) {
    chunks.for_each([&](std::int64_t i) {
      const PixelChunk chunk = chunks[i];
      const Lanes mean =
          sum_over(chunk, [&](std::int64_t at) { return simd::load(x + at); }) / chunk.pixels();
      const Lanes rest = sum_over(chunk, [&](std::int64_t at) { return simd::load(x + at) - mean; });
      const Lanes squares = sum_over(chunk, [&](std::int64_t at) {
        const Lanes deviation = simd::load(x + at) - mean;
        return deviation * deviation;
      });
      means_.set(i, mean);
      rests_.set(i, rest / chunk.pixels());
      squares_.set(i, squares - rest * rest / chunk.pixels());
    });
  }

  // Of all chunks of a block together, by the parallel algorithm of Chan, Golub and LeVeque.
  void of_block(int block, double (&mean)[kBlock], double (&variance)[kBlock]) const {
    double count = 0, squares[kBlock] = {};
    std::fill_n(mean, kBlock, 0.0);
    chunks_.of_block(block, [&](std::int64_t i) {
      const Lanes chunk_mean = means_[i], rest = rests_[i], chunk_squares = squares_[i];
      const double pixels = chunks_[i].pixels(), share = pixels / (count + pixels);
      for (int lane = 0; lane < kBlock; ++lane) {
        const double step = (chunk_mean[lane] - mean[lane]) + rest[lane];
        mean[lane] += step * share;
        squares[lane] += chunk_squares[lane] + step * step * count * share;
      }
      count += pixels;
    });
    for (int lane = 0; lane < kBlock; ++lane) {
      variance[lane] = count > 1 ? std::max(squares[lane] / (count - 1), 0.0) : 0.0;
    }
  }

 private:
  const PixelChunks& chunks_;
  ChunkSums means_, rests_, squares_;
};

}  // namespace

void batchnorm_train(ConstTensor x, Tensor y, BatchStatistics statistics, const float* scales,
                     const float* biases, Deviation deviation, double momentum, int channels, Stream) {
  const PixelChunks chunks(x);
  const Moments moments(x.data, chunks);
  ChannelValues centre(x.blocks()), factor(x.blocks()), shift(x.blocks());
  double mean[kBlock], variance[kBlock];
  for (int c = 0; c < channels; ++c) {
    const int lane = c % kBlock;
    if (lane == 0) moments.of_block(c / kBlock, mean, variance);
    statistics.mean[c] = centre[c] = static_cast<float>(mean[lane]);
    statistics.variance[c] = static_cast<float>(variance[lane]);
    factor[c] = static_cast<float>(scales[c] / divisor(variance[lane], deviation));
    shift[c] = biases ? biases[c] : 0.0f;
    if (chunks.count() == 0) continue;
    const auto roll = [&](float& rolling, double now) {
      rolling = static_cast<float>(momentum * rolling + (1.0 - momentum) * now);
    };
    roll(statistics.rolling_mean[c], mean[lane]);
    roll(statistics.rolling_variance[c], variance[lane]);
  }
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const Lanes m = centre.block(chunk.block), s = factor.block(chunk.block), b = shift.block(chunk.block);
    for (std::int64_t at = chunk.offset; at < chunk.offset + chunk.floats; at += kBlock) {
      simd::store(y.data + at, (simd::load(x.data + at) - m) * s + b);
    }
  });
}

void batchnorm_backward(ConstTensor x, const float* mean, const float* variance, const float* scales,
                        ConstTensor dy, Tensor dx, BatchnormGradients gradients, Deviation forward,
                        Deviation backward, int channels, Stream) {
  const PixelChunks chunks(x);
  ChannelValues centre(x.blocks()), direct(x.blocks()), by_deviation(x.blocks()), constant(x.blocks());
  for (int c = 0; c < channels; ++c) centre[c] = mean[c];
  ChunkSums sums(chunks), products(chunks);
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const Lanes m = centre.block(chunk.block);
    sums.set(i, sum_over(chunk, [&](std::int64_t at) { return simd::load(dy.data + at); }));
    products.set(i, sum_over(chunk, [&](std::int64_t at) {
                   return simd::load(dy.data + at) * (simd::load(x.data + at) - m);
                 }));
  });
  const double count = static_cast<double>(x.n) * x.h * x.w;
  if (count == 0) return;
  for (int c = 0; c < channels; ++c) {
    const double sum = sums.total(c), product = products.total(c), scale = scales[c];
    if (gradients.dbiases) gradients.dbiases[c] += static_cast<float>(sum);
    gradients.dscales[c] += static_cast<float>(product / divisor(variance[c], forward));
    const double square = variance[c] + double{backward.epsilon}, root = std::sqrt(square);
    direct[c] = static_cast<float>(scale / divisor(variance[c], backward));
    by_deviation[c] = static_cast<float>(-scale * product / (square * root * count));
    constant[c] = static_cast<float>(-scale * sum / (root * count));
  }
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const Lanes m = centre.block(chunk.block), a = direct.block(chunk.block);
    const Lanes b = by_deviation.block(chunk.block), c = constant.block(chunk.block);
    for (std::int64_t at = chunk.offset; at < chunk.offset + chunk.floats; at += kBlock) {
      simd::store(dx.data + at, simd::load(dy.data + at) * a + (simd::load(x.data + at) - m) * b + c);
    }
  });
}

void bias_backward(ConstTensor dy, float* dbias, int channels, Stream) {
  const PixelChunks chunks(dy);
  ChunkSums sums(chunks);
  chunks.for_each([&](std::int64_t i) {
    sums.set(i, sum_over(chunks[i], [&](std::int64_t at) { return simd::load(dy.data + at); }));
  });
  for (int c = 0; c < channels; ++c) dbias[c] += static_cast<float>(sums.total(c));
}

}  // namespace pydarknet
