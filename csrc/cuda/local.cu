#include "cuda/lib/activation.h"
#include "cuda/lib/pixels.h"
#include "cuda/lib/windows.h"
#include "ops/local.h"

namespace pydarknet {
namespace {

// Images that share one read of the weights.
constexpr int kImages = 4;

// What a location of y sees of x. `tap` counts channel, row and column of a filter.
struct Patches {
  ConstPlain x;
  int out_w;
  LocalShape shape;

  PYDARKNET_HD std::int64_t taps() const { return std::int64_t{x.c} * shape.kernel * shape.kernel; }
  // Where a tap lies in an image of x; -1 outside.
  __device__ std::int64_t place(std::uint32_t location, std::uint32_t tap) const {
    const std::uint32_t row_tap = tap / shape.kernel, channel = row_tap / shape.kernel;
    const int row = static_cast<int>(location / out_w * shape.stride + row_tap % shape.kernel) - shape.pad;
    const int column = static_cast<int>(location % out_w * shape.stride + tap % shape.kernel) - shape.pad;
    const bool inside = row >= 0 && row < x.h && column >= 0 && column < x.w;
    return inside ? channel * x.plane() + std::int64_t{row} * x.w + column : -1;
  }
};

// A warp takes one filter of one location.
__global__ void local_kernel(Patches patches, const float* weights, const float* biases, Plain y,
                             Activation activation) {
  const std::int64_t taps = patches.taps();
  const int lane = threadIdx.x % 32, images = y.n;
  const std::int64_t filters = y.plane() * y.c;
  for (std::int64_t filter = global_thread() / 32; filter < filters; filter += global_threads() / 32) {
    const std::int64_t location = filter / y.c, at = filter % y.c * y.plane() + location;
    const float* filter_weights = weights + filter * taps;
    for (int first = 0; first < images; first += kImages) {
      float sums[kImages] = {};
      for (std::int64_t tap = lane; tap < taps; tap += 32) {
        const std::int64_t place =
            patches.place(static_cast<std::uint32_t>(location), static_cast<std::uint32_t>(tap));
        if (place < 0) continue;
        const float weight = filter_weights[tap];
        for (int i = 0; i < kImages; ++i) {
          if (first + i < images) sums[i] += weight * patches.x.channel(first + i, 0)[place];
        }
      }
      for (int i = 0; i < kImages; ++i) {
        const float sum = warp_sum(sums[i]) + biases[at];
        if (lane == 0 && first + i < images) y.data[(first + i) * y.image() + at] = apply(activation, sum);
      }
    }
  }
}

// A thread takes one weight.
struct WeightGradient {
  Patches patches;
  ConstPlain dy;
  float *dweights, *dbiases;

  __device__ void operator()(std::int64_t filter, std::uint32_t tap) const {
    const std::int64_t location = filter / dy.c, at = filter % dy.c * dy.plane() + location;
    const std::int64_t place = patches.place(static_cast<std::uint32_t>(location), tap);
    float sum = 0.0f, gradients = 0.0f;
    for (int image = 0; image < dy.n; ++image) {
      const float gradient = dy.data[image * dy.image() + at];
      gradients += gradient;
      if (place >= 0) sum += gradient * patches.x.channel(image, 0)[place];
    }
    dweights[filter * patches.taps() + tap] += sum;
    if (tap == 0) dbiases[at] += gradients;
  }
};

// What a location passes back to a tap of its patch in some images: patch[image][location][tap].
struct PatchGradient {
  Patches patches;
  ConstPlain dy;
  const float* weights;
  float* patch;
  int groups;  // of kImages images; neighbours in time share the weights

  __device__ void operator()(std::int64_t plane, std::uint32_t tap) const {
    const std::int64_t location = plane / groups, taps = patches.taps();
    const int first = static_cast<int>(plane % groups) * kImages;
    float sums[kImages] = {};
    for (int k = 0; k < dy.c; ++k) {
      const float weight = weights[(location * dy.c + k) * taps + tap];
      for (int i = 0; i < kImages; ++i) {
        if (first + i < dy.n) sums[i] += weight * dy.channel(first + i, k)[location];
      }
    }
    for (int i = 0; i < kImages; ++i) {
      if (first + i < dy.n) patch[((first + i) * dy.plane() + location) * taps + tap] = sums[i];
    }
  }
};

// A pixel of x collects what all locations around it pass back, always in the same order.
struct CollectPatches {
  const float* patch;
  ConstPlain dy;
  Plain dx;
  LocalShape shape;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Windows windows{shape.kernel, shape.stride, -shape.pad};
    const int image = static_cast<int>(plane / dx.c), channel = static_cast<int>(plane % dx.c);
    const int row = static_cast<int>(pixel / dx.w), column = static_cast<int>(pixel % dx.w);
    const Span rows = windows.around(row, dy.h), columns = windows.around(column, dy.w);
    const std::int64_t taps = std::int64_t{dx.c} * shape.kernel * shape.kernel;
    float sum = 0.0f;
    for (int i = rows.begin; i < rows.end; ++i) {
      for (int j = columns.begin; j < columns.end; ++j) {
        const int r = row + shape.pad - i * shape.stride, s = column + shape.pad - j * shape.stride;
        const std::int64_t location = image * dy.plane() + std::int64_t{i} * dy.w + j;
        sum += patch[location * taps + (channel * shape.kernel + r) * shape.kernel + s];
      }
    }
    float& to = dx.data[plane * dx.plane() + pixel];
    to = accumulate ? to + sum : sum;
  }
};

}  // namespace

void local_forward(ConstPlain x, const float* weights, const float* biases, Plain y, LocalShape shape,
                   Activation activation, Stream stream) {
  constexpr int kThreads = 256;
  launch("local_forward", local_kernel, grid_for(y.plane() * y.c * 32, kThreads), kThreads, 0, stream,
         Patches{x, y.w, shape}, weights, biases, y, activation);
}

void local_backward(ConstPlain x, const float* weights, ConstPlain dy, LocalGradients gradients,
                    LocalShape shape, Stream stream) {
  constexpr const char* name = "local_backward";
  const Patches patches{x, dy.w, shape};
  for_pixels(name, dy.plane() * dy.c, patches.taps(), stream,
             WeightGradient{patches, dy, gradients.dweights, gradients.dbiases});
  const Plain dx = gradients.dx;
  if (!dx.data) return;
  const int groups = (dy.n + kImages - 1) / kImages;
  const Scratch<float> patch(dy.n * dy.plane() * patches.taps(), stream);
  for_pixels(name, dy.plane() * groups, patches.taps(), stream,
             PatchGradient{patches, dy, weights, patch.data(), groups});
  for_pixels(name, planes_of(dx), pixels_of(dx), stream,
             CollectPatches{patch.data(), dy, dx, shape, gradients.accumulate});
}

}  // namespace pydarknet
