#include <cfloat>

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

// What a pixel becomes, y = max(v, slope * v) with v = (x - kCentre) * kFactor + kShift; and what its
// gradient is, dx = v * kDirect + (x - kCentre) * kByDeviation + kConstant.
enum Kind { kCentre, kFactor, kShift, kNormals, kDirect = kNormals, kByDeviation, kConstant, kKinds };

struct Normal {
  Coefficients of;
  float slope;

  __device__ void set(int channel, float mean, float variance, const Normalization& n) const {
    of.of(kCentre, channel) = mean;
    of.of(kFactor, channel) = static_cast<float>(n.scales[channel] / divisor(variance, n.deviation));
    of.of(kShift, channel) = n.biases ? n.biases[channel] : 0.0f;
  }
  __device__ void clear(int channel, int kinds) const {
    for (int kind = 0; kind < kinds; ++kind) of.of(kind, channel) = 0.0f;
  }
  __device__ Lanes deviation(int block, Lanes x) const { return x - of.block(kCentre, block); }
  __device__ Lanes operator()(int block, Lanes x) const {
    const float below = slope;
    const auto rectify = [below](float v) { return v * below > v ? v * below : v; };
    return map(rectify, deviation(block, x) * of.block(kFactor, block) + of.block(kShift, block));
  }
  // That of a pixel x whose v has this gradient.
  __device__ Lanes dx(int block, Lanes x, Lanes v) const {
    return v * of.block(kDirect, block) + deviation(block, x) * of.block(kByDeviation, block) +
           of.block(kConstant, block);
  }
  // dy times the slope where the output is y.
  __device__ Lanes gradient(Lanes y, Lanes dy) const {
    const float below = slope;
    return map([below](float at, float v) { return at > 0.0f ? v : v * below; }, y, dy);
  }
};

// Floats from a plane of x to the i-th of the 2x2 that become a pixel of y, in the order of maxpool.
struct Halves {
  int width;  // of y

  __device__ std::int64_t operator()(std::uint32_t pixel, int i) const {
    const std::int64_t row = 2 * (pixel / width) + i / 2, column = 2 * (pixel % width) + i % 2;
    return (row * 2 * width + column) * kBlock;
  }
};

// From sums to statistics, and to what every pixel needs.
struct FinishMoments {
  ConstTensor x;
  BatchStatistics statistics;
  Normalization normalization;
  double momentum;
  int channels;
  Normal normal;

  __device__ static double first_of(ConstTensor x, int channel) {
    return x.data[channel / kBlock * x.plane() + channel % kBlock];
  }
  __device__ void operator()(int channel, const double (&sums)[2]) const {
    normal.clear(channel, kNormals);
    if (channel >= channels) return;
    const double count = static_cast<double>(x.n) * x.h * x.w, centre = count > 0 ? sums[0] / count : 0;
    const double mean = count > 0 ? first_of(x, channel) + centre : 0;
    const double variance = count > 1 ? fmax((sums[1] - sums[0] * centre) / (count - 1), 0.0) : 0;
    statistics.mean[channel] = static_cast<float>(mean);
    statistics.variance[channel] = static_cast<float>(variance);
    normal.set(channel, statistics.mean[channel], statistics.variance[channel], normalization);
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
  Normal normal;
  Tensor y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    store(y.data + at, normal(plane % x.blocks(), load(x.data + at)));
  }
};

struct NormalizeAndPool {
  ConstTensor x;
  Normal normal;
  Tensor y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Halves halves{y.w};
    Lanes best = splat(-FLT_MAX);
    for (int i = 0; i < 4; ++i) {
      const Lanes v = load(x.data + plane * x.plane() + halves(pixel, i));
      best = map([](float a, float b) { return b > a ? b : a; }, best, normal(plane % x.blocks(), v));
    }
    store(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, best);
  }
};

struct SetNormals {
  const float *mean, *variance;
  Normalization normalization;
  int channels;
  Normal normal;

  __device__ void operator()(std::int64_t channel, std::uint32_t) const {
    const int c = static_cast<int>(channel);
    normal.clear(c, kKinds);
    if (c < channels) normal.set(c, mean[c], variance[c], normalization);
  }
};

// A gradient for each pixel.
struct EachPixel {
  ConstTensor x, dy;
  Normal normal;

  __device__ void write(std::int64_t plane, std::uint32_t pixel, float* dx) const {
    const int block = static_cast<int>(plane % x.blocks());
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    const Lanes here = load(x.data + at), v = normal.gradient(normal(block, here), load(dy.data + at));
    store(dx + at, normal.dx(block, here, v));
  }
  // Sums of gradients, and of these times the deviation of x from the mean.
  __device__ void operator()(int block, std::int64_t at, LaneSums<2>& sums) const {
    const Lanes here = load(x.data + at), v = normal.gradient(normal(block, here), load(dy.data + at));
    sums.add(0, v);
    sums.add(1, v * normal.deviation(block, here));
  }
};

// A gradient for each 2x2, which is that of the first of its maxima.
struct EachWindow {
  ConstTensor x, dy;
  Normal normal;

  struct Window {
    Lanes best, deviation;  // of the maximum
    int4 where;             // -1 if nothing exceeds -FLT_MAX

    __device__ static void look(float v, float u, int i, float& best, float& deviation, int& where) {
      if (v > best) best = v, deviation = u, where = i;
    }
  };
  __device__ Window window(std::int64_t plane, std::uint32_t pixel) const {
    Window w{splat(-FLT_MAX), splat(0.0f), make_int4(-1, -1, -1, -1)};
    const int block = static_cast<int>(plane % x.blocks());
    const Halves halves{dy.w};
    for (int i = 0; i < 4; ++i) {
      const Lanes at = load(x.data + plane * x.plane() + halves(pixel, i));
      const Lanes v = normal(block, at), u = normal.deviation(block, at);
      Window::look(v.x, u.x, i, w.best.x, w.deviation.x, w.where.x);
      Window::look(v.y, u.y, i, w.best.y, w.deviation.y, w.where.y);
      Window::look(v.z, u.z, i, w.best.z, w.deviation.z, w.where.z);
      Window::look(v.w, u.w, i, w.best.w, w.deviation.w, w.where.w);
    }
    return w;
  }
  // A pixel is read once more before it is written, by the same thread: dx may be x.
  __device__ void write(std::int64_t plane, std::uint32_t pixel, float* dx) const {
    const Window w = window(plane, pixel);
    const Lanes v =
        normal.gradient(w.best, load(dy.data + plane * dy.plane() + std::int64_t{pixel} * kBlock));
    const Halves halves{dy.w};
    for (int i = 0; i < 4; ++i) {
      const std::int64_t at = plane * x.plane() + halves(pixel, i);
      const Lanes own = make_float4(w.where.x == i ? v.x : 0.0f, w.where.y == i ? v.y : 0.0f,
                                    w.where.z == i ? v.z : 0.0f, w.where.w == i ? v.w : 0.0f);
      store(dx + at, normal.dx(static_cast<int>(plane % x.blocks()), load(x.data + at), own));
    }
  }
  __device__ void operator()(int, std::int64_t at, LaneSums<2>& sums) const {
    const std::int64_t plane = at / dy.plane();
    const Window w = window(plane, static_cast<std::uint32_t>(at % dy.plane() / kBlock));
    const Lanes v = normal.gradient(w.best, load(dy.data + at));
    const Lanes found = make_float4(w.where.x < 0 ? 0.0f : v.x, w.where.y < 0 ? 0.0f : v.y,
                                    w.where.z < 0 ? 0.0f : v.z, w.where.w < 0 ? 0.0f : v.w);
    sums.add(0, found);
    sums.add(1, found * w.deviation);
  }
};

struct FinishGradients {
  const float* variance;
  Normalization normalization;
  BatchnormGradients gradients;
  Deviation backward;
  double count;
  int channels;
  Coefficients of;

  __device__ void operator()(int channel, const double (&sums)[2]) const {
    if (channel >= channels) return;
    if (gradients.dbiases) gradients.dbiases[channel] += static_cast<float>(sums[0]);
    gradients.dscales[channel] +=
        static_cast<float>(sums[1] / divisor(variance[channel], normalization.deviation));
    const double square = variance[channel] + double{backward.epsilon}, root = sqrt(square);
    const double scale = normalization.scales[channel];
    of.of(kDirect, channel) = static_cast<float>(scale / divisor(variance[channel], backward));
    of.of(kByDeviation, channel) = static_cast<float>(-scale * sums[1] / (square * root * count));
    of.of(kConstant, channel) = static_cast<float>(-scale * sums[0] / (root * count));
  }
};

template <class Source>
struct BatchnormBackward {
  Source source;
  float* dx;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    source.write(plane, pixel, dx);
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

void batchnorm_train(ConstTensor x, Tensor y, BatchStatistics statistics, Normalization normalization,
                     double momentum, int channels, Stream stream) {
  constexpr const char* name = "batchnorm_train";
  const Scratch<float> scratch(std::int64_t{kNormals} * x.c, stream);
  const Normal normal{{scratch.data(), x.c}, normalization.slope};
  const FinishMoments finish{x, statistics, normalization, momentum, channels, normal};
  sum_channels<2>(name, x, stream, Moments{x}, finish);
  if (y.h == x.h) {
    for_pixels(name, planes_of(y), pixels_of(y), stream, Normalize{x, normal, y});
  } else {
    for_pixels(name, planes_of(y), pixels_of(y), stream, NormalizeAndPool{x, normal, y});
  }
}

void batchnorm_backward(ConstTensor x, const float* mean, const float* variance, Normalization normalization,
                        ConstTensor dy, Tensor dx, BatchnormGradients gradients, Deviation backward,
                        int channels, Stream stream) {
  constexpr const char* name = "batchnorm_backward";
  if (x.size() == 0) return;
  const Scratch<float> scratch(std::int64_t{kKinds} * x.c, stream);
  const Normal normal{{scratch.data(), x.c}, normalization.slope};
  for_pixels(name, x.c, 1, stream, SetNormals{mean, variance, normalization, channels, normal});
  const double count = static_cast<double>(x.n) * x.h * x.w;
  const FinishGradients finish{variance, normalization, gradients, backward, count, channels, normal.of};
  const auto run = [&](auto source) {
    sum_channels<2>(name, dy, stream, source, finish);
    for_pixels(name, planes_of(dy), pixels_of(dy), stream,
               BatchnormBackward<decltype(source)>{source, dx.data});
  };
  if (dy.h == x.h) {
    run(EachPixel{x, dy, normal});
  } else {
    run(EachWindow{x, dy, normal});
  }
}

void bias_backward(ConstTensor dy, float* dbias, int channels, Stream stream) {
  sum_channels<1>("bias_backward", dy, stream, Sum{dy.data}, AddSum{dbias, channels});
}

}  // namespace pydarknet
