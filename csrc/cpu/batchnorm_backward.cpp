#include <cfloat>

#include "cpu/lib/normal.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Of the gradient v at the normalised values, and of v times x's deviation from the mean.
struct Terms {
  Lanes gradient{}, product{};
  Terms& operator+=(const Terms& more) {
    gradient += more.gradient;
    product += more.product;
    return *this;
  }
  Terms operator+(const Terms& more) const { return {gradient + more.gradient, product + more.product}; }
};

// dx = v * direct + deviation * by_deviation + constant.
struct Slopes {
  Lanes direct, by_deviation, constant;
  Lanes operator()(Lanes v, Lanes deviation) const {
    return v * direct + deviation * by_deviation + constant;
  }
};

// A gradient for each pixel.
struct EachPixel {
  ConstTensor x, dy;

  PixelChunks chunks() const { return PixelChunks(dy); }

  Terms terms(const PixelChunk& chunk, const Normal& normal) const {
    return sum_over(chunk, [&](std::int64_t at) {
      const Lanes v = gradient(normal, at);
      return Terms{v, v * (simd::load(x.data + at) - normal.mean)};
    });
  }

  void write(const PixelChunk& chunk, const Normal& normal, const Slopes& slopes, float* dx) const {
    for (std::int64_t at = chunk.offset; at < chunk.offset + chunk.floats; at += kBlock) {
      simd::store(dx + at, slopes(gradient(normal, at), simd::load(x.data + at) - normal.mean));
    }
  }

 private:
  Lanes gradient(const Normal& normal, std::int64_t at) const {
    return normal.gradient(normal.of(simd::load(x.data + at)), simd::load(dy.data + at));
  }
};

// A gradient for each 2x2, which is that of the first of its maxima as maxpool_backward finds it: of none
// where nothing is above -FLT_MAX.
struct EachWindow {
  ConstTensor x, dy;

  PixelChunks chunks() const { return PixelChunks::rows(dy); }

  Terms terms(const PixelChunk& row, const Normal& normal) const {
    const Windows windows(row);
    return sum_over(row, [&](std::int64_t at) {
      Lanes best = simd::splat(-FLT_MAX), deviation{};
      for (int i = 0; i < 4; ++i) {
        const Lanes here = simd::load(x.data + windows(at, i)), y = normal.of(here);
        deviation = y > best ? here - normal.mean : deviation;
        best = simd::larger(best, y);
      }
      const Lanes v = best > -FLT_MAX ? normal.gradient(best, simd::load(dy.data + at)) : Lanes{};
      return Terms{v, v * deviation};
    });
  }

  void write(const PixelChunk& row, const Normal& normal, const Slopes& slopes, float* dx) const {
    const Windows windows(row);
    for (std::int64_t at = row.offset; at < row.offset + row.floats; at += kBlock) {
      Lanes best = simd::splat(-FLT_MAX), deviations[4];
      simd::IntLanes where = simd::IntLanes{} - 1;
      for (int i = 0; i < 4; ++i) {
        const Lanes here = simd::load(x.data + windows(at, i)), y = normal.of(here);
        deviations[i] = here - normal.mean;
        where = y > best ? simd::IntLanes{} + i : where;
        best = simd::larger(best, y);
      }
      const Lanes v = normal.gradient(best, simd::load(dy.data + at));
      for (int i = 0; i < 4; ++i) {
        simd::store(dx + windows(at, i), slopes(where == i ? v : Lanes{}, deviations[i]));
      }
    }
  }
};

template <class Source>
void run(const Source& source, const float* mean, const float* variance, const Normalization& normalization,
         Tensor dx, BatchnormGradients gradients, Deviation backward, int channels) {
  const int blocks = dx.blocks();
  const double count = static_cast<double>(dx.n) * dx.h * dx.w;
  if (count == 0) return;
  const Normals normals(blocks, mean, variance, normalization, channels);
  const PixelChunks chunks = source.chunks();
  ChunkSums sums(chunks), products(chunks);
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const Terms terms = source.terms(chunk, normals.block(chunk.block));
    sums.set(i, terms.gradient);
    products.set(i, terms.product);
  });
  ChannelValues direct(blocks), by_deviation(blocks), constant(blocks);
  for (int c = 0; c < channels; ++c) {
    const double sum = sums.total(c), product = products.total(c), scale = normalization.scales[c];
    if (gradients.dbiases) gradients.dbiases[c] += static_cast<float>(sum);
    gradients.dscales[c] += static_cast<float>(product / divisor(variance[c], normalization.deviation));
    const double square = variance[c] + double{backward.epsilon}, root = std::sqrt(square);
    direct[c] = static_cast<float>(scale / divisor(variance[c], backward));
    by_deviation[c] = static_cast<float>(-scale * product / (square * root * count));
    constant[c] = static_cast<float>(-scale * sum / (root * count));
  }
  chunks.for_each([&](std::int64_t i) {
    const PixelChunk chunk = chunks[i];
    const int block = chunk.block;
    source.write(chunk, normals.block(block),
                 {direct.block(block), by_deviation.block(block), constant.block(block)}, dx.data);
  });
}

}  // namespace

void batchnorm_backward(ConstTensor x, const float* mean, const float* variance, Normalization normalization,
                        ConstTensor dy, Tensor dx, BatchnormGradients gradients, Deviation backward,
                        int channels, Stream) {
  if (dy.h == x.h) {
    run(EachPixel{x, dy}, mean, variance, normalization, dx, gradients, backward, channels);
  } else {
    run(EachWindow{x, dy}, mean, variance, normalization, dx, gradients, backward, channels);
  }
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
