#include "cuda/lib/columns.h"
#include "ops/l2norm.h"

namespace pydarknet {
namespace {

__global__ void l2norm_kernel(ConstPlain x, float* y) {
  const std::int64_t pixels = x.plane(), strips = (pixels + blockDim.x - 1) / blockDim.x;
  for (std::int64_t i = blockIdx.x; i < x.n * strips; i += gridDim.x) {
    const std::int64_t pixel = i % strips * blockDim.x + threadIdx.x, at = i / strips * x.image() + pixel;
    const int channels = pixel < pixels ? x.c : 0;
    float sum = 0.0f;
    for (int c = threadIdx.y; c < channels; c += blockDim.y)
      sum += x.data[at + c * pixels] * x.data[at + c * pixels];
    sum = column_reduce(sum, Add{});
    const float length = sum == 0.0f ? 1.0f : sqrtf(sum);
    for (int c = threadIdx.y; c < channels; c += blockDim.y)
      y[at + c * pixels] = x.data[at + c * pixels] / length;
  }
}

}  // namespace

void l2norm_forward(ConstPlain x, Plain y, Stream stream) {
  const dim3 block = column_block(x.plane(), x.c);
  const std::int64_t strips = (x.plane() + block.x - 1) / block.x;
  launch("l2norm_forward", l2norm_kernel, grid_for(x.n * strips, 1), block, 0, stream, x, y.data);
}

}  // namespace pydarknet
