#include <cfloat>

#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "cuda/lib/windows.h"
#include "ops/pool.h"

namespace pydarknet {
namespace {

// Along both axes.
struct Grid {
  Windows y, x;
  explicit Grid(const PoolWindows& w)
      : y{w.size, w.stride_y, -w.padding / 2}, x{w.size, w.stride_x, -w.padding / 2} {}
};

// Calls f(pixel, its lanes, row, column) for a rectangle of a plane, row by row.
template <class F>
__device__ void for_rectangle(ConstTensor x, std::int64_t plane, Span rows, Span columns, F f) {
  const float* from = x.data + plane * x.plane();
  for (int i = rows.begin; i < rows.end; ++i) {
    for (int j = columns.begin; j < columns.end; ++j) {
      const int pixel = i * x.w + j;
      f(pixel, load(from + std::int64_t{pixel} * kBlock), i, j);
    }
  }
}

struct MaxPool {
  ConstTensor x;
  Tensor y;
  Grid windows;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Span rows = windows.y.covered(pixel / y.w, x.h), columns = windows.x.covered(pixel % y.w, x.w);
    Lanes best = splat(-FLT_MAX);
    for_rectangle(x, plane, rows, columns, [&](int, Lanes v, int, int) { best = map(Greater{}, best, v); });
    store(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, best);
  }
};

// For each lane the pixel with the first maximum of window (i, j); -1 if nothing exceeds -FLT_MAX.
struct FirstMaximum {
  ConstTensor x;
  Grid windows;

  __device__ static void look(float v, int pixel, float& best, int& where) {
    if (v > best) best = v, where = pixel;
  }
  __device__ int4 operator()(std::int64_t plane, std::uint32_t i, std::uint32_t j) const {
    const Span rows = windows.y.covered(i, x.h), columns = windows.x.covered(j, x.w);
    Lanes best = splat(-FLT_MAX);
    int4 where = make_int4(-1, -1, -1, -1);
    for_rectangle(x, plane, rows, columns, [&](int pixel, Lanes v, int, int) {
      look(v.x, pixel, best.x, where.x);
      look(v.y, pixel, best.y, where.y);
      look(v.z, pixel, best.z, where.z);
      look(v.w, pixel, best.w, where.w);
    });
    return where;
  }
};

// The same, found before.
struct StoredMaximum {
  int4* where;
  int h, w;

  __device__ int4& operator()(std::int64_t plane, std::uint32_t i, std::uint32_t j) const {
    return where[(plane * h + i) * w + j];
  }
};

struct StoreMaximum {
  FirstMaximum find;
  StoredMaximum found;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::uint32_t i = pixel / found.w, j = pixel % found.w;
    found(plane, i, j) = find(plane, i, j);
  }
};

// A pixel asks the windows around it whether it is their maximum, so that sums have one order.
template <class Maximum>
struct MaxPoolBackward {
  Maximum maximum;
  ConstTensor dy;
  Tensor dx;
  Grid windows;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Span rows = windows.y.around(pixel / dx.w, dy.h), columns = windows.x.around(pixel % dx.w, dy.w);
    const int here = static_cast<int>(pixel);
    Lanes sum = splat(0.0f);
    for_rectangle(dy, plane, rows, columns, [&](int, Lanes v, int i, int j) {
      const int4 where = maximum(plane, i, j);
      sum = sum + make_float4(where.x == here ? v.x : 0.0f, where.y == here ? v.y : 0.0f,
                              where.z == here ? v.z : 0.0f, where.w == here ? v.w : 0.0f);
    });
    put(dx.data + plane * dx.plane() + std::int64_t{pixel} * kBlock, sum, accumulate);
  }
};

// One block of threads for each plane.
__global__ void avgpool_kernel(ConstTensor x, float* y, std::int64_t planes) {
  const std::int64_t pixels = std::int64_t{x.h} * x.w;
  const float divisor = static_cast<float>(x.h) * static_cast<float>(x.w);
  for (std::int64_t plane = blockIdx.x; plane < planes; plane += gridDim.x) {
    const float* from = x.data + plane * x.plane();
    Lanes sum = splat(0.0f);
    for (std::int64_t p = threadIdx.x; p < pixels; p += blockDim.x) sum = sum + load(from + p * kBlock);
    sum = make_float4(block_sum(sum.x), block_sum(sum.y), block_sum(sum.z), block_sum(sum.w));
    if (threadIdx.x == 0) store(y + plane * kBlock, pixels > 0 ? sum / splat(divisor) : sum);
  }
}

struct AvgPoolBackward {
  const float* dy;
  Tensor dx;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const float pixels = static_cast<float>(dx.h) * static_cast<float>(dx.w);
    const Lanes share = load(dy + plane * kBlock) / splat(pixels);
    put(dx.data + plane * dx.plane() + std::int64_t{pixel} * kBlock, share, accumulate);
  }
};

// Pixels of a window inside the input.
__device__ float area(Span rows, Span columns) {
  return static_cast<float>(rows.end - rows.begin) * static_cast<float>(columns.end - columns.begin);
}

struct LocalAvgPool {
  ConstTensor x;
  Tensor y;
  Grid windows;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Span rows = windows.y.covered(pixel / y.w, x.h), columns = windows.x.covered(pixel % y.w, x.w);
    Lanes sum = splat(0.0f);
    for_rectangle(x, plane, rows, columns, [&](int, Lanes v, int, int) { sum = sum + v; });
    const float count = area(rows, columns);
    store(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock, count > 0 ? sum / splat(count) : sum);
  }
};

// A pixel gets its shares from the windows around it.
struct LocalAvgPoolBackward {
  ConstTensor dy;
  Tensor dx;
  Grid windows;
  bool accumulate;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const Span rows = windows.y.around(pixel / dx.w, dy.h), columns = windows.x.around(pixel % dx.w, dy.w);
    Lanes sum = splat(0.0f);
    for_rectangle(dy, plane, rows, columns, [&](int, Lanes v, int i, int j) {
      sum = sum + v / splat(area(windows.y.covered(i, dx.h), windows.x.covered(j, dx.w)));
    });
    put(dx.data + plane * dx.plane() + std::int64_t{pixel} * kBlock, sum, accumulate);
  }
};

}  // namespace

void maxpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream stream) {
  for_pixels("maxpool_forward", planes_of(y), pixels_of(y), stream, MaxPool{x, y, Grid(windows)});
}

void avgpool_forward(ConstTensor x, Tensor y, Stream stream) {
  const int threads = x.plane() > 1024 * kBlock ? 256 : 32;
  launch("avgpool_forward", avgpool_kernel, grid_for(planes_of(y), 1), threads, 0, stream, x, y.data,
         planes_of(y));
}

void maxpool_backward(ConstTensor x, ConstTensor dy, Tensor dx, const PoolWindows& shape, bool accumulate,
                      Stream stream) {
  constexpr const char* name = "maxpool_backward";
  const Grid windows(shape);
  const std::int64_t planes = planes_of(x), pixels = pixels_of(x);
  const FirstMaximum find{x, windows};
  if (shape.size <= 3) {  // Looking again costs less than memory for what was found.
    const MaxPoolBackward<FirstMaximum> body{find, dy, dx, windows, accumulate};
    return for_pixels(name, planes, pixels, stream, body);
  }
  const std::int64_t outputs = pixels_of(dy);
  const Scratch<int4> where(planes * outputs, stream);
  const StoredMaximum found{where.data(), dy.h, dy.w};
  for_pixels(name, planes, outputs, stream, StoreMaximum{find, found});
  const MaxPoolBackward<StoredMaximum> body{found, dy, dx, windows, accumulate};
  for_pixels(name, planes, pixels, stream, body);
}

void avgpool_backward(ConstTensor dy, Tensor dx, bool accumulate, Stream stream) {
  for_pixels("avgpool_backward", planes_of(dx), pixels_of(dx), stream,
             AvgPoolBackward{dy.data, dx, accumulate});
}

void local_avgpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream stream) {
  for_pixels("local_avgpool_forward", planes_of(y), pixels_of(y), stream, LocalAvgPool{x, y, Grid(windows)});
}

void local_avgpool_backward(ConstTensor dy, Tensor dx, const PoolWindows& windows, bool accumulate,
                            Stream stream) {
  for_pixels("local_avgpool_backward", planes_of(dx), pixels_of(dx), stream,
             LocalAvgPoolBackward{dy, dx, Grid(windows), accumulate});
}

}  // namespace pydarknet
