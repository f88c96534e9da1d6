// The weights' gradient of a depthwise convolution: a thread block sums one tap of four channels.
#include "cuda/conv/sources.h"
#include "cuda/conv/wgrad.h"
#include "device.h"

namespace pydarknet {
namespace {

constexpr int kThreads = 256;

// x under the tap times dy, of one pixel.
__device__ float4 product(const WgradArguments& call, int block, int tap, int pixel) {
  const ConvProblem& p = call.problem;
  const ProblemPixel at(p, pixel);
  const int y = p.y.first + at.row * p.y.step + tap / p.x.taps;
  const int x = p.x.first + at.column * p.x.step + tap % p.x.taps;
  if (y < 0 || y >= p.y.size || x < 0 || x >= p.x.size) return make_float4(0, 0, 0, 0);
  const std::int64_t plane = std::int64_t{at.image} * blocks_of(p.bundles.total_channels) + block;
  const float4 a = reinterpret_cast<const float4*>(call.x)[(plane * p.y.size + y) * p.x.size + x];
  const float4 b =
      reinterpret_cast<const float4*>(call.dy)[(plane * p.y.count + at.row) * p.x.count + at.column];
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}

__global__ void __launch_bounds__(kThreads) depthwise_weights(const WgradArguments call) {
  const int taps = call.problem.taps(), channels = call.problem.bundles.total_channels;
  const int block = static_cast<int>(blockIdx.x) / taps, tap = static_cast<int>(blockIdx.x) % taps;
  float sums[4] = {};
  for (int pixel = static_cast<int>(threadIdx.x); pixel < call.problem.pixels(); pixel += kThreads) {
    const float4 next = product(call, block, tap, pixel);
    sums[0] += next.x;
    sums[1] += next.y;
    sums[2] += next.z;
    sums[3] += next.w;
  }
  for (int i = 0; i < 4; ++i) {
    const float sum = block_sum(sums[i]);
    const int channel = block * kBlock + i;
    if (threadIdx.x == 0 && channel < channels) call.dweights[std::int64_t{channel} * taps + tap] += sum;
  }
}

}  // namespace

void wgrad_depthwise(const WgradArguments& call, Stream stream) {
  const std::int64_t blocks =
      std::int64_t{blocks_of(call.problem.bundles.total_channels)} * call.problem.taps();
  launch("conv_backward_weights", depthwise_weights, static_cast<unsigned>(blocks), kThreads, 0, stream,
         call);
}

}  // namespace pydarknet
