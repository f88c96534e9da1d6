// Depthwise convolution: each channel has its own kernel, so a thread makes four channels of a pixel.
#include "cuda/conv/pack.h"
#include "cuda/conv/result.h"
#include "device.h"

namespace pydarknet {
namespace {

constexpr int kThreads = 256;

__device__ float4 multiply_add(float4 a, float4 b, float4 sum) {
  return make_float4(sum.x + a.x * b.x, sum.y + a.y * b.y, sum.z + a.z * b.z, sum.w + a.w * b.w);
}

// `x` and `weights` of one block of channels.
__device__ float4 sum_taps(const ConvProblem& p, const float4* x, const float4* weights, int row,
                           int column) {
  const int top = p.y.first + row * p.y.step, left = p.x.first + column * p.x.step;
  float4 sum = make_float4(0, 0, 0, 0);
  for (int i = 0; i < p.y.taps; ++i) {
    if (top + i < 0 || top + i >= p.y.size) continue;
    for (int j = 0; j < p.x.taps; ++j) {
      if (left + j < 0 || left + j >= p.x.size) continue;
      sum = multiply_add(x[std::int64_t{top + i} * p.x.size + left + j], weights[i * p.x.taps + j], sum);
    }
  }
  return sum;
}

__global__ void __launch_bounds__(kThreads)
    depthwise_kernel(const ConvProblem p, const float4* __restrict__ x, const float4* __restrict__ packed,
                     const ConvResult result) {
  const int across = ceil_div(p.pixels(), kThreads), block = static_cast<int>(blockIdx.x) / across;
  const int pixel =
      (static_cast<int>(blockIdx.x) - block * across) * kThreads + static_cast<int>(threadIdx.x);
  if (pixel >= p.pixels()) return;
  const ProblemPixel at(p, pixel);
  const std::int64_t plane = std::int64_t{at.image} * blocks_of(p.bundles.total_channels) + block;
  const float4 sum = sum_taps(p, x + plane * p.y.size * p.x.size, packed + std::int64_t{block} * p.taps(),
                              at.row, at.column);
  const int each = p.bundles.filter_blocks();
  finish(p, result, block / each, block % each, pixel, sum);
}

class Depthwise : public DeviceConvolution {
 public:
  const char* name() const override { return "depthwise"; }
  bool supports(const ConvShape& s) const override {
    return s.groups > 1 && s.groups == s.c && s.k == s.c && countable(s);
  }
  std::int64_t packed_floats(const ConvProblem& p) const override {
    return std::int64_t{blocks_of(p.bundles.total_filters)} * p.taps() * kBlock;
  }
  void pack_problem(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                    Stream stream) const override {
    depthwise_pack(p, map, weights, packed, stream);
  }
  double seconds(const ConvProblem& p) const override {
    const double pixels = double(p.y.size) * p.x.size + double(p.y.count) * p.x.count;
    return transfer_seconds(16.0 * p.images * blocks_of(p.bundles.total_channels) * pixels);
  }
  void run(const ConvProblem& p, const float* x, const float* packed, const ConvResult& result, float*,
           Stream stream) const override {
    const std::int64_t blocks =
        std::int64_t{ceil_div(p.pixels(), kThreads)} * blocks_of(p.bundles.total_channels);
    launch("conv_depthwise", depthwise_kernel, static_cast<unsigned>(blocks), kThreads, 0, stream, p,
           reinterpret_cast<const float4*>(x), reinterpret_cast<const float4*>(packed), result);
  }
};

}  // namespace

const DeviceConvolution& depthwise_convolution() {
  static const Depthwise algorithm;
  return algorithm;
}

}  // namespace pydarknet
