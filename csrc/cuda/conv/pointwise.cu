#include <cfloat>

#include "cuda/conv/gemm.h"
#include "cuda/conv/gemm_math.h"
#include "device.h"
#include "ops/pointwise.h"

namespace pydarknet {
namespace {

// A tile of weights lies in shared memory; each filter's thread sums its row, each warp reads other rows.
constexpr int kThreads = 128, kFilters = 32, kChannels = 32;

// What the implicit GEMM makes of a factor: an activation on its way to the tensor cores, a weight when
// packed.
__device__ float rounded_pixel(float x, Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return __uint_as_float(tf32_factor(x) & ~0x1fffu);
    case Precision::kFp16:
      return unpack_half2(pack_half2(x, x)).x;
    case Precision::kBf16:
      return unpack_bf162(pack_bf162(x, x)).x;
    default:
      return x;
  }
}
__device__ float rounded_weight(float x, Precision precision) {
  return precision == Precision::kTf32 ? __uint_as_float(to_tf32(x)) : rounded_pixel(x, precision);
}

// The sum of this thread's filter of the run, of those that a tile holds from `first` on.
__device__ float tile_sum(const PointwiseConv& conv, std::int64_t pixel, std::int64_t filter, int count) {
  using Tile = float[kFilters][kChannels + 1];
  using Line = float[kChannels];
  PYDARKNET_SHARED(Tile, weights);
  PYDARKNET_SHARED(Line, line);
  const std::int64_t cells = std::int64_t{conv.x.h} * conv.x.w;
  const float* const at = conv.x.block(static_cast<int>(pixel / cells), 0) + pixel % cells * kBlock;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kChannels;
  float sum = 0;
  for (int first = 0; first < conv.c; first += kChannels) {
    const int c = first + lane;
    __syncthreads();  // whoever still reads the tile before
    if (thread < kChannels && c < conv.c) {
      line[lane] = rounded_pixel(at[c / kBlock * conv.x.plane() + c % kBlock], conv.precision);
    }
    for (int i = thread / kChannels; i < count; i += kThreads / kChannels) {
      if (c < conv.c)
        weights[i][lane] = rounded_weight(conv.weights[(filter + i) * conv.c + c], conv.precision);
    }
    __syncthreads();
    if (thread >= count) continue;
    for (int k = 0; k < kChannels && first + k < conv.c; ++k) sum += line[k] * weights[thread][k];
  }
  return sum;
}

// A block of threads for each request. On a device nobody has checked the numbers.
__global__ void pointwise_softmax_kernel(PointwiseConv conv, PointwiseRequests r, float* values) {
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t i = blockIdx.x; i < r.count; i += gridDim.x) {
    const std::int64_t pixel = r.pixels[i], filter = r.filters[i], start = r.starts[i], size = r.size(i);
    if (pixel < 0 || pixel >= conv.pixels() || filter < 0 || size < 1 || filter + size > conv.k) continue;
    if (start < 0 || start + size > r.room) continue;
    float* const y = values + start;
    float top = -FLT_MAX, sum = 0;
    for (std::int64_t f = 0; f < size; f += kFilters) {
      const int count = static_cast<int>(min(std::int64_t{kFilters}, size - f));
      const float logit = tile_sum(conv, pixel, filter + f, count);
      if (thread >= count) continue;
      y[f + thread] = logit + conv.bias[filter + f + thread];
      top = Greater{}(top, y[f + thread]);
    }
    top = block_max(top);
    for (std::int64_t f = thread; f < size; f += kFilters) {
      if (thread < kFilters) sum += expf(y[f] - top);
    }
    const float scale = 1.0f / block_sum(sum);
    for (std::int64_t f = thread; f < size; f += kFilters) {
      if (thread < kFilters) y[f] = expf(y[f] - top) * scale;
    }
  }
}

}  // namespace

void pointwise_softmax(const PointwiseConv& conv, const PointwiseRequests& requests, float* values,
                       Stream stream) {
  PointwiseConv rounded = conv;
  if (!device_multiplies(conv.precision)) rounded.precision = Precision::kFp32;
  launch("pointwise_softmax", pointwise_softmax_kernel, grid_for(requests.count, 1), kThreads, 0, stream,
         rounded, requests, values);
}

}  // namespace pydarknet
