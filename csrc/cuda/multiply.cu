#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "cuda/lib/reduce.h"
#include "ops/multiply.h"

namespace pydarknet {
namespace {

// A pixel's lanes of the factor.
struct Factor {
  ConstTensor data;
  int blocks;  // of what it multiplies
  FactorOf of;

  __device__ Lanes at(std::int64_t plane, std::uint32_t pixel) const {
    if (of == FactorOf::kNumber) return load(data.data + plane * data.plane() + std::int64_t{pixel} * kBlock);
    if (of == FactorOf::kChannel) return load(data.data + plane * kBlock);
    return splat(data.data[plane / blocks * data.plane() + std::int64_t{pixel} * kBlock]);
  }
};

struct Multiply {
  ConstTensor x;
  Factor factor;
  float* y;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    store(y + at, load(x.data + at) * factor.at(plane, pixel));
  }
};

struct NumberGradient {
  ConstTensor x, dy;
  float* dfactor;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t at = plane * x.plane() + std::int64_t{pixel} * kBlock;
    put(dfactor + at, load(x.data + at) * load(dy.data + at), accumulate);
  }
};

// The sum over a pixel's channels, in lane 0.
struct PixelGradient {
  ConstTensor x, dy;
  float* dfactor;
  int channels;
  bool accumulate;

  __device__ void operator()(std::int64_t image, std::uint32_t pixel) const {
    const std::int64_t first = image * x.image() + std::int64_t{pixel} * kBlock;
    Lanes sum = splat(0.0f);
    for (int block = 0; block * kBlock < channels; ++block) {
      const std::int64_t at = first + block * x.plane();
      const int lanes = channels - block * kBlock;
      sum = sum + load_first(x.data + at, lanes) * load_first(dy.data + at, lanes);
    }
    const Lanes total = make_float4((sum.x + sum.y) + (sum.z + sum.w), 0.0f, 0.0f, 0.0f);
    put(dfactor + (image * x.h * x.w + pixel) * kBlock, total, accumulate);
  }
};

// The sum over a channel's pixels: one block of threads for each plane.
__global__ void channel_gradient_kernel(ConstTensor x, ConstTensor dy, float* dfactor, std::int64_t planes,
                                        bool accumulate) {
  const std::int64_t pixels = std::int64_t{x.h} * x.w;
  for (std::int64_t plane = blockIdx.x; plane < planes; plane += gridDim.x) {
    Lanes sum = splat(0.0f);
    for (std::int64_t p = threadIdx.x; p < pixels; p += blockDim.x) {
      const std::int64_t at = plane * x.plane() + p * kBlock;
      sum = sum + load(x.data + at) * load(dy.data + at);
    }
    sum = make_float4(block_sum(sum.x), block_sum(sum.y), block_sum(sum.z), block_sum(sum.w));
    if (threadIdx.x == 0) put(dfactor + plane * kBlock, sum, accumulate);
  }
}

}  // namespace

void multiply_forward(ConstTensor x, ConstTensor factor, Tensor y, FactorOf of, Stream stream) {
  for_pixels("multiply_forward", planes_of(x), pixels_of(x), stream,
             Multiply{x, Factor{factor, x.blocks(), of}, y.data});
}

void multiply_backward(ConstTensor x, ConstTensor dy, Tensor dfactor, int channels, FactorOf of,
                       bool accumulate, Stream stream) {
  constexpr const char* name = "multiply_backward";
  if (of == FactorOf::kNumber) {
    return for_pixels(name, planes_of(x), pixels_of(x), stream,
                      NumberGradient{x, dy, dfactor.data, accumulate});
  }
  if (of == FactorOf::kPixel) {
    return for_pixels(name, x.n, pixels_of(x), stream,
                      PixelGradient{x, dy, dfactor.data, channels, accumulate});
  }
  const int threads = x.plane() > 1024 * kBlock ? 256 : 32;
  launch(name, channel_gradient_kernel, grid_for(planes_of(x), 1), threads, 0, stream, x, dy, dfactor.data,
         planes_of(x), accumulate);
}

}  // namespace pydarknet
