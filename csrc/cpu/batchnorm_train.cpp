#include "cpu/lib/normal.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Of each chunk: a mean as near as floats go, what is left of it, and the sum of squared deviations.
class Moments {
 public:
  Moments(const float* x, const PixelChunks& chunks)
      : chunks_(chunks), means_(chunks), rests_(chunks), squares_(chunks) {
    chunks.for_each([&](std::int64_t i) {
      const PixelChunk chunk = chunks[i];
      const Lanes mean =
          sum_over(chunk, [&](std::int64_t at) { return simd::load(x + at); }) / chunk.pixels();
      // Meanwhile the next chunk comes nearer.
      const Lanes rest = sum_over(chunk, [&](std::int64_t at) {
        simd::prefetch_l2(x + at + chunk.floats);
        return simd::load(x + at) - mean;
      });
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

void write_pixels(const PixelChunks& chunks, const Normals& normals, const float* x, float* y) {
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const Normal normal = normals.block(chunk.block);
    for (std::int64_t at = chunk.offset; at < chunk.offset + chunk.floats; at += kBlock) {
      simd::store(y + at, normal.of(simd::load(x + at)));
    }
  });
}

void write_maxima(const Normals& normals, const float* x, Tensor y) {
  const PixelChunks rows = PixelChunks::rows(y);
  rows.for_each([&](std::int64_t i) {
    const PixelChunk row = rows[i];
    const Windows windows(row);
    const Normal normal = normals.block(row.block);
    const auto pixel = [&](std::int64_t at, int j) { return normal.of(simd::load(x + windows(at, j))); };
    for (std::int64_t at = row.offset; at < row.offset + row.floats; at += kBlock) {
      simd::store(y.data + at, simd::largest_of(pixel(at, 0), pixel(at, 1), pixel(at, 2), pixel(at, 3)));
    }
  });
}

}  // namespace

void batchnorm_train(ConstTensor x, Tensor y, BatchStatistics statistics, Normalization normalization,
                     double momentum, int channels, Stream) {
  const PixelChunks chunks(x);
  const Moments moments(x.data, chunks);
  double mean[kBlock], variance[kBlock];
  for (int c = 0; c < channels; ++c) {
    const int lane = c % kBlock;
    if (lane == 0) moments.of_block(c / kBlock, mean, variance);
    statistics.mean[c] = static_cast<float>(mean[lane]);
    statistics.variance[c] = static_cast<float>(variance[lane]);
    if (chunks.count() == 0) continue;
    const auto roll = [&](float& rolling, double now) {
      rolling = static_cast<float>(momentum * rolling + (1.0 - momentum) * now);
    };
    roll(statistics.rolling_mean[c], mean[lane]);
    roll(statistics.rolling_variance[c], variance[lane]);
  }
  const Normals normals(x.blocks(), statistics.mean, statistics.variance, normalization, channels);
  if (y.h == x.h) {
    write_pixels(chunks, normals, x.data, y.data);
  } else {
    write_maxima(normals, x.data, y);
  }
}

}  // namespace pydarknet
