// 3x3 convolution with stride 1 in the Winograd domain, F(4x4, 3x3): each point of a tile is a 1x1
// convolution, and all of them together are one with as many groups, for the implicit GEMM.
#include <algorithm>

#include "cuda/conv/pack.h"
#include "cuda/conv/result.h"
#include "device.h"
#include "shared/winograd.h"

namespace pydarknet {
namespace {

using Transform = Winograd<4>;
constexpr int kSide = 4, kTile = Transform::kTile, kPoints = kTile * kTile;

// Transformed activations that exist at a time, or one tile's: more tiles go in chunks, each through all
// three launches. One image of yolov2 fits at 416x416, and 64 of them take 5 % longer than in one chunk, by
// the model (docs/kernels.md).
constexpr std::int64_t kChunkBytes = 64 << 20;

// Tiles of 4x4 pixels of y, row by row, image by image.
PYDARKNET_HD int tiles_of(const ConvProblem& p) {
  return p.images * ceil_div(p.y.count, kSide) * ceil_div(p.x.count, kSide);
}

int chunks_of(const ConvProblem& p) {
  const Bundles& b = p.bundles;
  const std::int64_t bytes =
      std::int64_t{sizeof(float)} * kPoints * kBlock * (b.channel_blocks() + b.filter_blocks());
  return ceil_div(tiles_of(p), static_cast<int>(std::max<std::int64_t>(1, kChunkBytes / bytes)));
}
// Chunks differ by one tile at most.
int largest_chunk(const ConvProblem& p) { return ceil_div(tiles_of(p), chunks_of(p)); }

// A 1x1 convolution from [point][channel block][tile] to [point][filter block][tile].
ConvProblem points_of(const ConvProblem& p, int tiles) {
  const int lanes = kPoints * kBlock;
  return {1,
          {1, 1, 1, 1, 0, 1, 1, 0},
          {tiles, 1, tiles, 1, 0, tiles, 1, 0},
          make_bundles(lanes * p.bundles.channel_blocks(), lanes * p.bundles.filter_blocks(), kPoints)};
}

// Some of the tiles, and the values of a point that they have.
struct Chunk {
  int first, tiles;
  PYDARKNET_HD std::int64_t values(int blocks) const { return std::int64_t{blocks} * tiles * kBlock; }
};

// What a thread transforms: value `index` of a point is one channel or filter of one tile.
struct TileLane {
  __device__ TileLane(const ConvProblem& p, const Chunk& chunk, std::int64_t index) {
    const int columns = ceil_div(p.x.count, kSide), rows = ceil_div(p.y.count, kSide);
    lane = static_cast<int>(index % kBlock);
    block = static_cast<int>(index / kBlock / chunk.tiles);
    const std::int64_t place = index / kBlock - std::int64_t{block} * chunk.tiles;
    const int tile = chunk.first + static_cast<int>(place), line = tile / columns;
    column = (tile - line * columns) * kSide;
    image = line / rows;
    row = (line - image * rows) * kSide;
  }
  int lane, block, image, row, column;  // row and column of the tile's first pixel of y
  __device__ int channel() const { return block * kBlock + lane; }
};

// v = B^T d B, zero in lanes that are no channels.
__global__ void winograd_input(const ConvProblem p, const Chunk chunk, const float* __restrict__ x,
                               float* v) {
  const std::int64_t count = chunk.values(p.bundles.channel_blocks());
  for (std::int64_t index = global_thread(); index < count; index += global_threads()) {
    const TileLane at(p, chunk, index);
    const int top = at.row + p.y.first, left = at.column + p.x.first, width = p.x.size;
    const bool exists = at.channel() < p.bundles.total_channels;
    const std::int64_t plane = std::int64_t{at.image} * p.bundles.channel_blocks() + at.block;
    const float* const from = x + plane * p.y.size * width * kBlock + at.lane;
    float half[kPoints];  // B^T d
#pragma unroll
    for (int j = 0; j < kTile; ++j) {
      float d[kTile];
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
        const int y = top + i, x_at = left + j;
        const bool inside = exists && y >= 0 && y < p.y.size && x_at >= 0 && x_at < width;
        d[i] = inside ? from[(std::int64_t{y} * width + x_at) * kBlock] : 0.0f;
      }
      Transform::input(d, 1, half + j, kTile);
    }
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
      float out[kTile];
      Transform::input(half + i * kTile, 1, out, 1);
#pragma unroll
      for (int j = 0; j < kTile; ++j) v[(i * kTile + j) * count + index] = out[j];
    }
  }
}

// y = A^T m A, finished.
__global__ void winograd_output(const ConvProblem p, const Chunk chunk, const float* __restrict__ m,
                                const ConvResult result) {
  const std::int64_t count = chunk.values(p.bundles.filter_blocks());
  for (std::int64_t index = global_thread(); index < count; index += global_threads()) {
    const TileLane at(p, chunk, index);
    const int width = p.x.count;
    float half[kSide * kTile];  // A^T m
#pragma unroll
    for (int j = 0; j < kTile; ++j) {
      float column[kTile];
#pragma unroll
      for (int i = 0; i < kTile; ++i) column[i] = m[(i * kTile + j) * count + index];
      Transform::output(column, 1, half + j, kTile);
    }
    const std::int64_t plane = std::int64_t{at.image} * p.bundles.filter_blocks() + at.block;
    float* const y = result.y + plane * p.y.count * width * kBlock + at.lane;
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
      if (at.row + i >= p.y.count) break;
      float out[kSide];
      Transform::output(half + i * kTile, 1, out, 1);
#pragma unroll
      for (int j = 0; j < kSide; ++j) {
        if (at.column + j >= width) break;
        float& to = y[(std::int64_t{at.row + i} * width + at.column + j) * kBlock];
        to = finished(result, out[j], result.accumulate ? to : 0.0f, at.channel(), p.bundles.total_filters);
      }
    }
  }
}

class DeviceWinograd : public DeviceConvolution {
 public:
  const char* name() const override { return "winograd4"; }
  // Its gradient to the input is a convolution of the same kind. All points' lanes are counted with 31 bits.
  bool supports(const ConvShape& s) const override {
    const std::int64_t lanes = std::int64_t{kPoints} * kBlock * std::max(blocks_of(s.c), blocks_of(s.k));
    return s.kernel_h == 3 && s.kernel_w == 3 && s.stride_y == 1 && s.stride_x == 1 && s.pad_y == 1 &&
           s.pad_x == 1 && s.groups == 1 && countable(s) && lanes < 1 << 30;
  }
  std::int64_t packed_floats(const ConvProblem& p) const override {
    return gemm_.packed_floats(points_of(p, 1));
  }
  void pack_problem(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                    Stream stream) const override {
    winograd_pack(p, map, weights, packed, stream);
  }
  // Transformed activations go through memory, though the second-level cache may hold them.
  double seconds(const ConvProblem& p) const override {
    const double x = 4.0 * kBlock * p.bundles.channel_blocks() * p.images * p.y.size * p.x.size;
    const double y = 4.0 * kBlock * p.bundles.filter_blocks() * p.pixels();
    const int chunks = chunks_of(p), tiles = largest_chunk(p);
    return chunks *
           (transfer_seconds(x / chunks + 4.0 * v_floats(p, tiles)) + gemm_.seconds(points_of(p, tiles)) +
            transfer_seconds(4.0 * m_floats(p, tiles) + y / chunks));
  }
  std::int64_t workspace_floats(const ConvProblem& p) const override {
    const int tiles = largest_chunk(p), fewest = tiles_of(p) / chunks_of(p);
    return v_floats(p, tiles) + m_floats(p, tiles) +
           std::max(gemm_.workspace_floats(points_of(p, tiles)),
                    gemm_.workspace_floats(points_of(p, fewest)));
  }
  void run(const ConvProblem& p, const float* x, const float* packed, const ConvResult& result,
           float* workspace, Stream stream) const override {
    const int tiles = tiles_of(p), chunks = chunks_of(p);
    for (int i = 0; i < chunks; ++i) {
      const int first = part_at(tiles, i, chunks);
      run_chunk(p, {first, part_at(tiles, i + 1, chunks) - first}, x, packed, result, workspace, stream);
    }
  }

 private:
  static std::int64_t v_floats(const ConvProblem& p, int tiles) {
    return kPoints * Chunk{0, tiles}.values(p.bundles.channel_blocks());
  }
  static std::int64_t m_floats(const ConvProblem& p, int tiles) {
    return kPoints * Chunk{0, tiles}.values(p.bundles.filter_blocks());
  }
  void run_chunk(const ConvProblem& p, const Chunk& chunk, const float* x, const float* packed,
                 const ConvResult& result, float* workspace, Stream stream) const {
    const std::int64_t inputs = v_floats(p, chunk.tiles), outputs = m_floats(p, chunk.tiles);
    float *const v = workspace, *const m = v + inputs;
    launch("winograd_input", winograd_input, grid_for(inputs / kPoints), 256, 0, stream, p, chunk, x, v);
    gemm_.run(points_of(p, chunk.tiles), v, packed, {m, nullptr, Activation::kLinear, false}, m + outputs,
              stream);
    launch("winograd_output", winograd_output, grid_for(outputs / kPoints), 256, 0, stream, p, chunk,
           static_cast<const float*>(m), result);
  }
  const DeviceConvolution& gemm_ = implicit_fp32_convolution();
};

}  // namespace

const DeviceConvolution& winograd_convolution() {
  static const DeviceWinograd algorithm;
  return algorithm;
}

}  // namespace pydarknet
