#include <cfloat>

#include "cuda/lib/columns.h"
#include "ops/softmax.h"

namespace pydarknet {
namespace {

// Where groups begin, and the last one ends.
struct GroupStarts {
  const std::int64_t* starts;  // null where all groups have one size
  std::int64_t size;

  __device__ std::int64_t operator()(int group) const { return starts ? starts[group] : group * size; }
};

// Sums up the sizes in one block of threads. Whatever they are, no group leaves [0, limit).
__global__ void group_starts_kernel(const std::int32_t* sizes, int count, std::int64_t limit,
                                    std::int64_t* starts) {
  using Sums = std::int64_t[kColumnThreads];
  PYDARKNET_SHARED(Sums, sums);
  const int thread = static_cast<int>(threadIdx.x), each = (count + kColumnThreads - 1) / kColumnThreads;
  const int first = min(thread * each, count), last = min(first + each, count);
  std::int64_t sum = 0;
  for (int i = first; i < last; ++i) sum += max(sizes[i], 0);
  sums[thread] = sum;
  __syncthreads();
  std::int64_t start = 0;
  for (int i = 0; i < thread; ++i) start += sums[i];
  for (int i = first; i < last; ++i) {
    starts[i] = start < limit ? start : limit;
    start += max(sizes[i], 0);
  }
  if (last == count && first < last) starts[count] = start < limit ? start : limit;
}

// A block of threads takes one group at some pixels.
__global__ void softmax_kernel(const float* x, float* y, std::int64_t images, ChannelRange range,
                               std::int64_t pixels, GroupStarts starts, int groups, float coolness) {
  const std::int64_t strips = (pixels + blockDim.x - 1) / blockDim.x;
  for (std::int64_t i = blockIdx.x; i < images * groups * strips; i += gridDim.x) {
    const int group = static_cast<int>(i / strips % groups);
    const std::int64_t image = i / strips / groups, pixel = i % strips * blockDim.x + threadIdx.x;
    const std::int64_t start = starts(group), size = pixel < pixels ? starts(group + 1) - start : 0;
    const std::int64_t at = (image * range.channels + range.first + start) * pixels + pixel;
    float top = -FLT_MAX, sum = 0.0f;
    for (std::int64_t c = threadIdx.y; c < size; c += blockDim.y) top = Greater{}(top, x[at + c * pixels]);
    top = column_reduce(top, Greater{});
    for (std::int64_t c = threadIdx.y; c < size; c += blockDim.y) {
      sum += expf((x[at + c * pixels] - top) * coolness);
    }
    const float scale = 1.0f / column_reduce(sum, Add{});
    for (std::int64_t c = threadIdx.y; c < size; c += blockDim.y) {
      y[at + c * pixels] = expf((x[at + c * pixels] - top) * coolness) * scale;
    }
  }
}

}  // namespace

void softmax_planes(const float* x, float* y, std::int64_t images, ChannelRange range, std::int64_t pixels,
                    ChannelGroups groups, float temperature, Stream stream) {
  constexpr const char* name = "softmax_forward";
  if (groups.count == 0 || pixels == 0) return;
  const std::int64_t channels = range.channels - range.first;
  const Scratch<std::int64_t> starts(groups.sizes ? groups.count + 1 : 0, stream);
  if (groups.sizes) {
    launch(name, group_starts_kernel, 1, kColumnThreads, 0, stream, groups.sizes, groups.count, channels,
           starts.data());
  }
  const dim3 block = column_block(pixels, groups.sizes ? channels / groups.count : groups.size);
  const std::int64_t strips = (pixels + block.x - 1) / block.x;
  launch(name, softmax_kernel, grid_for(images * groups.count * strips, 1), block, 0, stream, x, y, images,
         range, pixels, GroupStarts{groups.sizes ? starts.data() : nullptr, groups.size}, groups.count,
         1.0f / temperature);
}

void softmax_forward(ConstPlain x, Plain y, ChannelGroups groups, float temperature, Stream stream) {
  softmax_planes(x.data, y.data, x.n, {x.c, 0}, x.plane(), groups, temperature, stream);
}

}  // namespace pydarknet
