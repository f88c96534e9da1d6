#include "cuda/lib/channel_sums.h"
#include "cuda/lib/pixels.h"
#include "ops/batchnorm.h"

namespace pydarknet {
namespace {

__device__ double divisor(double variance, Deviation deviation) {
  return deviation.inside ? sqrt(variance + deviation.epsilon) : sqrt(variance) + deviation.epsilon;
}

// Numbers of one kind for each lane of an activation, 0 past the last channel.
struct Coefficients {
  float* data;
  int lanes;

  __device__ float& of(int kind, int channel) const { return data[std::int64_t{kind} * lanes + channel]; }
  __device__ Lanes block(int kind, int block) const {
    return load(data + std::int64_t{kind} * lanes + block * kBlock);
  }
};

struct ScaleBias {
  ConstTensor x;
  const float *scale, *bias;
  int channels;
  Tensor y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int first = plane % x.blocks() * kBlock, count = channels - first;
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    store(y.data + at,
          load(x.data + at) * load_first(scale + first, count) + load_first(bias + first, count));
  }
};

// Sums of x and x^2, both less the channel's first pixel: no digits are lost far from zero.
struct Moments {
  ConstTensor x;

  __device__ Lanes first(int block) const { return load(x.data + block * x.plane()); }
  __device__ static void add(float v, float first, double& sum, double& squares) {
    const double d = double{v} - first;
    sum += d;
    squares += d * d;
  }
  __device__ void operator()(int block, std::int64_t at, LaneSums<2>& sums) const {
    const Lanes v = load(x.data + at), one = first(block);
    add(v.x, one.x, sums.of[0][0], sums.of[1][0]);
    add(v.y, one.y, sums.of[0][1], sums.of[1][1]);
    add(v.z, one.z, sums.of[0][2], sums.of[1][2]);
    add(v.w, one.w, sums.of[0][3], sums.of[1][3]);
  }
};

enum Normal { kCentre, kFactor, kShift, kNormals };

// From sums to statistics, and to what every pixel needs.
struct FinishMoments {
  ConstTensor x;
  BatchStatistics statistics;
  const float *scales, *biases;
  Deviation deviation;
  double momentum;
  int channels;
  Coefficients normal;

  __device__ static double first_of(ConstTensor x, int channel) {
    return x.data[channel / kBlock * x.plane() + channel % kBlock];
  }
  __device__ void operator()(int channel, const double (&sums)[2]) const {
    for (int kind = 0; kind < kNormals; ++kind) normal.of(kind, channel) = 0.0f;
    if (channel >= channels) return;
    const double count = static_cast<double>(x.n) * x.h * x.w, centre = count > 0 ? sums[0] / count : 0;
    const double mean = count > 0 ? first_of(x, channel) + centre : 0;
    const double variance = count > 1 ? fmax((sums[1] - sums[0] * centre) / (count - 1), 0.0) : 0;
    statistics.mean[channel] = static_cast<float>(mean);
    statistics.variance[channel] = static_cast<float>(variance);
    normal.of(kCentre, channel) = static_cast<float>(mean);
    normal.of(kFactor, channel) = static_cast<float>(scales[channel] / divisor(variance, deviation));
    if (biases) normal.of(kShift, channel) = biases[channel];
    if (count == 0) return;
    roll(statistics.rolling_mean[channel], mean);
    roll(statistics.rolling_variance[channel], variance);
  }
  __device__ void roll(float& rolling, double now) const {
    rolling = static_cast<float>(momentum * rolling + (1.0 - momentum) * now);
  }
};

struct Normalize {
  ConstTensor x;
  Coefficients normal;
  Tensor y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int block = plane % x.blocks();
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    const Lanes deviation = load(x.data + at) - normal.block(kCentre, block);
    store(y.data + at, deviation * normal.block(kFactor, block) + normal.block(kShift, block));
  }
};

// Sums of dy, and of dy times the deviation of x from the mean.
struct GradientTerms {
  const float *x, *dy, *mean;
  int channels;

  __device__ void operator()(int block, std::int64_t at, LaneSums<2>& sums) const {
    const Lanes centre = load_first(mean + block * kBlock, channels - block * kBlock), v = load(dy + at);
    sums.add(0, v);
    sums.add(1, v * (load(x + at) - centre));
  }
};

// dx = dy * kDirect + (x - kMean) * kByDeviation + kConstant.
enum Slope { kMean, kDirect, kByDeviation, kConstant, kSlopes };

struct FinishGradients {
  const float *mean, *variance, *scales;
  BatchnormGradients gradients;
  Deviation forward, backward;
  double count;
  int channels;
  Coefficients slope;

  __device__ void operator()(int channel, const double (&sums)[2]) const {
    for (int kind = 0; kind < kSlopes; ++kind) slope.of(kind, channel) = 0.0f;
    if (channel >= channels) return;
    if (gradients.dbiases) gradients.dbiases[channel] += static_cast<float>(sums[0]);
    gradients.dscales[channel] += static_cast<float>(sums[1] / divisor(variance[channel], forward));
    const double square = variance[channel] + double{backward.epsilon}, root = sqrt(square);
    const double scale = scales[channel];
    slope.of(kMean, channel) = mean[channel];
    slope.of(kDirect, channel) = static_cast<float>(scale / divisor(variance[channel], backward));
    slope.of(kByDeviation, channel) = static_cast<float>(-scale * sums[1] / (square * root * count));
    slope.of(kConstant, channel) = static_cast<float>(-scale * sums[0] / (root * count));
  }
};

struct BatchnormBackward {
  ConstTensor x, dy;
  Coefficients slope;
  Tensor dx;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int block = plane % x.blocks();
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    const Lanes deviation = load(x.data + at) - slope.block(kMean, block);
    store(dx.data + at, load(dy.data + at) * slope.block(kDirect, block) +
                            deviation * slope.block(kByDeviation, block) + slope.block(kConstant, block));
  }
};

struct Sum {
  const float* dy;
  __device__ void operator()(int, std::int64_t at, LaneSums<1>& sums) const { sums.add(0, load(dy + at)); }
};

struct AddSum {
  float* dbias;
  int channels;
  __device__ void operator()(int channel, const double (&sums)[1]) const {
    if (channel < channels) dbias[channel] += static_cast<float>(sums[0]);
  }
};

}  // namespace

void scale_bias(ConstTensor x, const float* scale, const float* bias, int channels, Tensor y, Stream stream) {
  for_pixels("scale_bias", planes_of(x), pixels_of(x), stream, ScaleBias{x, scale, bias, channels, y});
}

void batchnorm_train(ConstTensor x, Tensor y, BatchStatistics statistics, const float* scales,
                     const float* biases, Deviation deviation, double momentum, int channels, Stream stream) {
  constexpr const char* name = "batchnorm_train";
  const Scratch<float> scratch(std::int64_t{kNormals} * x.c, stream);
  const Coefficients normal{scratch.data(), x.c};
  const FinishMoments finish{x, statistics, scales, biases, deviation, momentum, channels, normal};
  sum_channels<2>(name, x, stream, Moments{x}, finish);
  for_pixels(name, planes_of(x), pixels_of(x), stream, Normalize{x, normal, y});
}

void batchnorm_backward(ConstTensor x, const float* mean, const float* variance, const float* scales,
                        ConstTensor dy, Tensor dx, BatchnormGradients gradients, Deviation forward,
                        Deviation backward, int channels, Stream stream) {
  constexpr const char* name = "batchnorm_backward";
  if (x.size() == 0) return;
  const Scratch<float> scratch(std::int64_t{kSlopes} * x.c, stream);
  const Coefficients slope{scratch.data(), x.c};
  const double count = static_cast<double>(x.n) * x.h * x.w;
  const FinishGradients finish{mean, variance, scales, gradients, forward, backward, count, channels, slope};
  sum_channels<2>(name, x, stream, GradientTerms{x.data, dy.data, mean, channels}, finish);
  for_pixels(name, planes_of(x), pixels_of(x), stream, BatchnormBackward{x, dy, slope, dx});
}

void bias_backward(ConstTensor dy, float* dbias, int channels, Stream stream) {
  sum_channels<1>("bias_backward", dy, stream, Sum{dy.data}, AddSum{dbias, channels});
}

}  // namespace pydarknet
