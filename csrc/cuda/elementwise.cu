#include "cuda/lib/flat.h"
#include "cuda/lib/reduce.h"
#include "ops/elementwise.h"

namespace pydarknet {
namespace {

struct Fill {
  float* x;
  float value;
  template <class At>
  __device__ void operator()(At at) const {
    at.fill(x, value);
  }
};

struct Scale {
  float* x;
  float factor;
  template <class At>
  __device__ void operator()(At at) const {
    at.store(x, at.load(x) * factor);
  }
};

struct AddTo {
  const float* x;
  float* y;
  template <class At>
  __device__ void operator()(At at) const {
    at.store(y, at.load(y) + at.load(x));
  }
};

struct Step {
  float below, above;
  __device__ float operator()(float v) const { return v > 0.0f ? above : below; }
};

struct Binarize {
  const float* x;
  float* y;
  Step step;
  template <class At>
  __device__ void operator()(At at) const {
    at.store(y, map(step, at.load(x)));
  }
};

constexpr int kThreads = 256;

// A block of threads for each filter.
__global__ void binarize_filters_kernel(const float* weights, float* y, int filters, std::int64_t each) {
  for (int f = static_cast<int>(blockIdx.x); f < filters; f += static_cast<int>(gridDim.x)) {
    const float* from = weights + f * each;
    float sum = 0.0f;
    for (std::int64_t i = threadIdx.x; i < each; i += blockDim.x) sum += fabsf(from[i]);
    const float mean = block_sum(sum) / static_cast<float>(each);
    for (std::int64_t i = threadIdx.x; i < each; i += blockDim.x)
      y[f * each + i] = from[i] > 0.0f ? mean : -mean;
  }
}

__global__ void find_strange_kernel(const float* x, std::int64_t count, int* found) {
  constexpr int kExponent = 0x7f800000;
  int strange = 0;
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    strange |= (__float_as_int(x[i]) & kExponent) == kExponent;
  }
  if (strange) atomicMax(found, 1);
}

}  // namespace

void fill(float* x, std::int64_t count, float value, Stream stream) {
  for_flat("fill", count, stream, Fill{x, value}, x);
}

void scale(float* x, std::int64_t count, float factor, Stream stream) {
  for_flat("scale", count, stream, Scale{x, factor}, x);
}

void add(const float* x, float* y, std::int64_t count, Stream stream) {
  for_flat("add", count, stream, AddTo{x, y}, x, y);
}

void binarize(const float* x, float* y, std::int64_t count, float below, float above, Stream stream) {
  for_flat("binarize", count, stream, Binarize{x, y, {below, above}}, x, y);
}

void pass_backward(const float* dy, float* dx, std::int64_t count, bool accumulate, Stream stream) {
  if (accumulate) return add(dy, dx, count, stream);
  if (dx != dy) copy_on_device(dx, dy, static_cast<std::size_t>(count) * sizeof(float), stream);
}

bool all_finite(const float* x, std::int64_t count, Stream stream) {
  const Scratch<int> found(1, stream);
  set_zero(found.data(), sizeof(int), stream);
  launch("all_finite", find_strange_kernel, grid_for(count, 16 * kThreads), kThreads, 0, stream, x, count,
         found.data());
  int strange = 0;
  copy_to_host(&strange, found.data(), sizeof strange, stream);
  return strange == 0;
}

void binarize_filters(const float* weights, float* y, int filters, std::int64_t each, Stream stream) {
  if (!filters || !each) return;
  launch("binarize_filters", binarize_filters_kernel, grid_for(filters, 1), kThreads, 0, stream, weights, y,
         filters, each);
}

}  // namespace pydarknet
