// 3x3 convolution with stride 1 in the Winograd domain, F(4x4, 3x3): each point of a tile is a 1x1
// convolution, and all of them together are one with as many groups, for the implicit GEMM.
#include <algorithm>

#include "device.h"
#include "ops/conv_pack.h"
#include "ops/conv_result.h"
#include "ops/winograd.h"

namespace pydarknet {
namespace {

using Transform = Winograd<4>;
constexpr int kSide = 4, kTile = Transform::kTile, kPoints = kTile * kTile;

// Tiles of 4x4 pixels of y, row by row, image by image.
PYDARKNET_HD int tiles_of(const ConvProblem& p) {
  return p.images * ceil_div(p.y.count, kSide) * ceil_div(p.x.count, kSide);
}

// A 1x1 convolution from [point][channel block][tile] to [point][filter block][tile].
ConvProblem points_of(const ConvProblem& p) {
  const int tiles = tiles_of(p), lanes = kPoints * kBlock;
  return {1,
          {1, 1, 1, 1, 0, 1, 1, 0},
          {tiles, 1, tiles, 1, 0, tiles, 1, 0},
          make_bundles(lanes * p.bundles.channel_blocks(), lanes * p.bundles.filter_blocks(), kPoints)};
}

std::int64_t floats_of_point(const ConvProblem& p, int blocks) {
  return std::int64_t{blocks} * tiles_of(p) * kBlock;
}

// What a thread transforms: value `index` of a point is one channel or filter of one tile.
struct TileLane {
  __device__ TileLane(const ConvProblem& p, std::int64_t index) {
    const int tiles = tiles_of(p), columns = ceil_div(p.x.count, kSide), rows = ceil_div(p.y.count, kSide);
    lane = static_cast<int>(index % kBlock);
    block = static_cast<int>(index / kBlock / tiles);
    const int tile = static_cast<int>(index / kBlock - std::int64_t{block} * tiles), line = tile / columns;
    column = (tile - line * columns) * kSide;
    image = line / rows;
    row = (line - image * rows) * kSide;
  }
  int lane, block, image, row, column;  // row and column of the tile's first pixel of y
  __device__ int channel() const { return block * kBlock + lane; }
};

// v = B^T d B, zero in lanes that are no channels.
__global__ void winograd_input(const ConvProblem p, const float* __restrict__ x, float* v,
                               std::int64_t count) {
  for (std::int64_t index = global_thread(); index < count; index += global_threads()) {
    const TileLane at(p, index);
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
__global__ void winograd_output(const ConvProblem p, const float* __restrict__ m, const ConvResult result,
                                std::int64_t count) {
  for (std::int64_t index = global_thread(); index < count; index += global_threads()) {
    const TileLane at(p, index);
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
    return gemm_.packed_floats(points_of(p));
  }
  void pack_problem(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                    Stream stream) const override {
    winograd_pack(p, map, weights, packed, stream);
  }
  // Transformed activations go through memory, though the second-level cache may hold them.
  double seconds(const ConvProblem& p) const override {
    const double x = 4.0 * kBlock * p.bundles.channel_blocks() * p.images * p.y.size * p.x.size;
    const double y = 4.0 * kBlock * p.bundles.filter_blocks() * p.pixels();
    return transfer_seconds(x + 4.0 * v_floats(p)) + gemm_.seconds(points_of(p)) +
           transfer_seconds(4.0 * m_floats(p) + y);
  }
  std::int64_t workspace_floats(const ConvProblem& p) const override {
    return v_floats(p) + m_floats(p) + gemm_.workspace_floats(points_of(p));
  }
  void run(const ConvProblem& p, const float* x, const float* packed, const ConvResult& result,
           float* workspace, Stream stream) const override {
    float *const v = workspace, *const m = v + v_floats(p);
    const std::int64_t inputs = v_floats(p) / kPoints, outputs = m_floats(p) / kPoints;
    launch("winograd_input", winograd_input, grid_for(inputs), 256, 0, stream, p, x, v, inputs);
    gemm_.run(points_of(p), v, packed, {m, nullptr, Activation::kLinear, false}, m + m_floats(p), stream);
    launch("winograd_output", winograd_output, grid_for(outputs), 256, 0, stream, p,
           static_cast<const float*>(m), result, outputs);
  }

 private:
  static std::int64_t v_floats(const ConvProblem& p) {
    return kPoints * floats_of_point(p, p.bundles.channel_blocks());
  }
  static std::int64_t m_floats(const ConvProblem& p) {
    return kPoints * floats_of_point(p, p.bundles.filter_blocks());
  }
  const DeviceConvolution& gemm_ = implicit_fp32_convolution();
};

}  // namespace

const DeviceConvolution& winograd_convolution() {
  static const DeviceWinograd algorithm;
  return algorithm;
}

}  // namespace pydarknet
