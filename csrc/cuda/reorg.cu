#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/reorg.h"
#include "shared/reorg_rows.h"

namespace pydarknet {
namespace {

struct Reorg {
  ConstPlain x;
  float* y;
  int stride;
  bool reverse;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int depth = x.c / (stride * stride), k = static_cast<int>(plane % x.c), corner = k / depth;
    const std::int64_t row = std::int64_t{pixel / x.w} * stride + corner / stride;
    const std::int64_t column = std::int64_t{pixel % x.w} * stride + corner % stride;
    const std::int64_t large_row = std::int64_t{x.w} * stride, large_plane = large_row * x.h * stride;
    const std::int64_t small = plane * x.plane() + pixel;
    const std::int64_t large = plane / x.c * x.image() + k % depth * large_plane + row * large_row + column;
    if (reverse) {
      y[large] = x.data[small];
    } else {
      y[small] = x.data[large];
    }
  }
};

constexpr int kSide = 32, kRows = 8;

// Transposes matrices of rows x columns, one tile of kSide x kSide at a time, by way of shared memory: reads
// and writes both run along memory. One column more keeps a tile's columns in different banks.
__global__ void transpose_kernel(const float* x, float* y, std::int64_t images, std::int64_t rows,
                                 std::int64_t columns) {
  using Tile = float[kSide][kSide + 1];
  PYDARKNET_SHARED(Tile, tile);
  const std::int64_t down = (rows + kSide - 1) / kSide, across = (columns + kSide - 1) / kSide;
  for (std::int64_t i = blockIdx.x; i < images * down * across; i += gridDim.x) {
    const std::int64_t image = i / across / down * rows * columns;
    const std::int64_t top = i / across % down * kSide, left = i % across * kSide;
    for (int r = threadIdx.y; r < kSide; r += kRows) {
      const std::int64_t row = top + r, column = left + threadIdx.x;
      if (row < rows && column < columns) tile[r][threadIdx.x] = x[image + row * columns + column];
    }
    __syncthreads();
    for (int c = threadIdx.y; c < kSide; c += kRows) {
      const std::int64_t row = top + threadIdx.x, column = left + c;
      if (row < rows && column < columns) y[image + column * rows + row] = tile[threadIdx.x][c];
    }
    __syncthreads();
  }
}

struct Extend {
  const float* x;
  float* y;
  std::int64_t size, extra;

  __device__ void operator()(std::int64_t image, std::uint32_t i) const {
    y[image * (size + extra) + i] = i < size ? x[image * size + i] : 0.0f;
  }
};

// Both gather lane by lane: neighbouring channels lie far apart in the other image.
struct BlockedReorg {
  ConstTensor x;
  Tensor y;
  int channels, stride;  // channels of y
  ReorgRows rows;

  __device__ float at(int image, int channel, std::uint32_t row, std::uint32_t column) const {
    if (channel >= channels) return 0.0f;
    return rows.in_large(channel, row).in(x, image)[std::int64_t{column} * stride * kBlock];
  }
  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / y.blocks()), c = plane % y.blocks() * kBlock;
    const std::uint32_t row = pixel / y.w, column = pixel % y.w;
    store(y.data + plane * y.plane() + std::int64_t{pixel} * kBlock,
          make_float4(at(image, c, row, column), at(image, c + 1, row, column), at(image, c + 2, row, column),
                      at(image, c + 3, row, column)));
  }
};

struct ReorgBackward {
  ConstTensor dy;
  Tensor dx;
  int channels, stride;
  ReorgRows rows;
  bool accumulate;

  __device__ float at(int image, int channel, std::uint32_t row, std::uint32_t column) const {
    if (channel >= channels) return 0.0f;
    const std::int64_t pixel = column / stride;
    return rows.in_small(channel, row, column % stride).in(dy, image)[pixel * kBlock];
  }
  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int image = static_cast<int>(plane / dx.blocks()), c = plane % dx.blocks() * kBlock;
    const std::uint32_t row = pixel / dx.w, column = pixel % dx.w;
    put(dx.data + plane * dx.plane() + std::int64_t{pixel} * kBlock,
        make_float4(at(image, c, row, column), at(image, c + 1, row, column), at(image, c + 2, row, column),
                    at(image, c + 3, row, column)),
        accumulate);
  }
};

}  // namespace

void reorg_forward(ConstPlain x, float* y, int stride, bool reverse, Stream stream) {
  for_pixels("reorg_forward", planes_of(x), pixels_of(x), stream, Reorg{x, y, stride, reverse});
}

void reorg_flatten(ConstPlain x, float* y, bool reverse, Stream stream) {
  const std::int64_t rows = reverse ? x.plane() : x.c, columns = reverse ? x.c : x.plane();
  const std::int64_t tiles = ((rows + kSide - 1) / kSide) * ((columns + kSide - 1) / kSide);
  launch("reorg_flatten", transpose_kernel, grid_for(x.n * tiles, 1), dim3(kSide, kRows), 0, stream, x.data,
         y, std::int64_t{x.n}, rows, columns);
}

void reorg_extend(ConstPlain x, float* y, int extra, Stream stream) {
  for_pixels("reorg_extend", x.n, x.image() + extra, stream, Extend{x.data, y, x.image(), extra});
}

void reorg_blocked(ConstTensor x, Tensor y, int channels, int stride, Stream stream) {
  const ReorgRows rows(channels, x.h, stride);
  for_pixels("reorg_blocked", planes_of(y), pixels_of(y), stream,
             BlockedReorg{x, y, channels * stride * stride, stride, rows});
}

void reorg_backward(ConstTensor dy, Tensor dx, int channels, int stride, bool accumulate, Stream stream) {
  const ReorgRows rows(channels, dx.h, stride);
  for_pixels("reorg_backward", planes_of(dx), pixels_of(dx), stream,
             ReorgBackward{dy, dx, channels, stride, rows, accumulate});
}

}  // namespace pydarknet
