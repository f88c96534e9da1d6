#include <algorithm>

#include "cuda/conv/gemm_math.h"
#include "cuda/conv/pack.h"
#include "device.h"
#include "shared/winograd.h"

namespace pydarknet {
namespace {

// The weights (K, C / groups, R, S) as a problem's filters, channels and taps see them, zero where there is
// none.
class ProblemWeights {
 public:
  __device__ ProblemWeights(const ConvProblem& p, const WeightMap& map, const float* weights)
      : p_(p), map_(map), weights_(weights) {}

  // A filter of a bundle, and a lane of a row.
  __device__ float operator()(int bundle, int filter, int row, int lane) const {
    const int blocks = p_.bundles.channel_blocks(), tap = row / blocks;
    return at(bundle, filter, (row - tap * blocks) * kBlock + lane, tap);
  }

  __device__ float at(int bundle, int filter, int channel, int tap) const {
    const Bundles& b = p_.bundles;
    if (tap >= p_.taps() || channel >= b.channels() || filter >= b.filters()) return 0.0f;
    if (map_.values > 0) return of_value(filter, channel);
    const int member = filter / b.group_filters, group = bundle * b.groups + member;
    if (channel / b.group_channels != member || group * b.group_filters >= b.total_filters) return 0.0f;
    const int tap_y = tap / p_.x.taps, tap_x = tap - tap_y * p_.x.taps;
    const int place =
        (map_.first_y + tap_y * map_.step_y) * map_.kernel_w + map_.first_x + tap_x * map_.step_x;
    return weights_[group * map_.group + filter % b.group_filters * map_.filter +
                    channel % b.group_channels * map_.channel + place];
  }

 private:
  // Value [block][tap][lane] of the blocked input of a connected layer.
  __device__ float of_value(int value, int channel) const {
    const int tap = value / kBlock % map_.values;
    const int filter = value / kBlock / map_.values * kBlock + value % kBlock;
    if (filter >= map_.value_filters) return 0.0f;
    return weights_[filter * map_.filter + channel * map_.channel + tap];
  }

  const ConvProblem& p_;
  const WeightMap& map_;
  const float* weights_;
};

struct Fp32Slot {
  static constexpr int kRows = 4;
  __device__ static float4 make(const ProblemWeights& w, int bundle, int filter, int slot) {
    return make_float4(w(bundle, filter, slot, 0), w(bundle, filter, slot, 1), w(bundle, filter, slot, 2),
                       w(bundle, filter, slot, 3));
  }
};

struct Tf32Slot {
  static constexpr int kRows = 4;
  __device__ static float4 make(const ProblemWeights& w, int bundle, int filter, int slot) {
    const auto rounded = [&](int lane) { return __uint_as_float(to_tf32(w(bundle, filter, slot, lane))); };
    return make_float4(rounded(0), rounded(1), rounded(2), rounded(3));
  }
};

// Eight channels: those of rows t and t + 4 of a stage of eight.
template <class Type>
struct HalfSlot {
  static constexpr int kRows = 8;
  __device__ static float4 make(const ProblemWeights& w, int bundle, int filter, int slot) {
    const auto pair = [&](int row, int lane) {
      return __uint_as_float(Type::pack(w(bundle, filter, row, lane), w(bundle, filter, row, lane + 1)));
    };
    const int row = slot / 4 * kRows + slot % 4;
    return make_float4(pair(row, 0), pair(row, 2), pair(row + 4, 0), pair(row + 4, 2));
  }
};

constexpr int kSlots = 4;  // of a stage, in every precision

template <class Slot>
PYDARKNET_HD std::int64_t slots_of(const ConvProblem& p) {
  return std::int64_t{ceil_div(p.rows(), Slot::kRows)} * kSlots;
}

template <class Slot>
__global__ void gemm_pack_kernel(const ConvProblem p, const WeightMap map, const float* weights,
                                 float4* packed) {
  const ProblemWeights source(p, map, weights);
  const std::int64_t slots = slots_of<Slot>(p), panels = panels_of(p.bundles);
  const std::int64_t count = p.bundles.count * panels * slots * kPanel;
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    const std::int64_t row = i / kPanel, panel = row / slots;
    packed[i] =
        Slot::make(source, static_cast<int>(panel / panels),
                   static_cast<int>(panel % panels * kPanel + i % kPanel), static_cast<int>(row % slots));
  }
}

template <class Slot>
void run_pack(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
              Stream stream) {
  const std::int64_t count = p.bundles.count * panels_of(p.bundles) * slots_of<Slot>(p) * kPanel;
  launch("conv_pack", gemm_pack_kernel<Slot>, grid_for(count), 256, 0, stream, p, map, weights,
         reinterpret_cast<float4*>(packed));
}

// u = G g G^T of each filter and channel, point after point in the panels of a 1x1 convolution.
__global__ void winograd_pack_kernel(const ConvProblem p, const WeightMap map, const float* weights,
                                     float* packed, int slots, std::int64_t count) {
  using Transform = Winograd<4>;
  constexpr int kTile = Transform::kTile;
  const ProblemWeights source(p, map, weights);
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    const int row = static_cast<int>(i / (kPanel * kBlock)), panel = row / slots;
    const int filter = panel * kPanel + static_cast<int>(i / kBlock % kPanel);
    const int channel = (row - panel * slots) * kBlock + static_cast<int>(i % kBlock);
    float g[9], half[3 * kTile];
#pragma unroll
    for (int tap = 0; tap < 9; ++tap) g[tap] = source.at(0, filter, channel, tap);
#pragma unroll
    for (int j = 0; j < 3; ++j) Transform::kernel(g + j, 3, half + j, 3);
#pragma unroll
    for (int y = 0; y < kTile; ++y) {
      float u[kTile];
      Transform::kernel(half + y * 3, 1, u, 1);
#pragma unroll
      for (int x = 0; x < kTile; ++x) packed[(y * kTile + x) * count + i] = u[x];
    }
  }
}

__global__ void depthwise_pack_kernel(const ConvProblem p, const WeightMap map, const float* weights,
                                      float* packed) {
  const ProblemWeights source(p, map, weights);
  const int taps = p.taps(), each = p.bundles.filters();
  const std::int64_t count = std::int64_t{blocks_of(p.bundles.total_filters)} * taps * kBlock;
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    const int tap = static_cast<int>(i / kBlock % taps);
    const int channel = static_cast<int>(i / kBlock / taps * kBlock + i % kBlock);
    packed[i] = source.at(channel / each, channel % each, channel % each, tap);
  }
}

}  // namespace

std::int64_t gemm_packed_floats(const ConvProblem& p, Precision precision) {
  const std::int64_t steps = ceil_div(p.rows(), gemm_rates(precision).rows);
  return p.bundles.count * panels_of(p.bundles) * steps * kSlots * kPanel * kBlock;
}

void gemm_pack(const ConvProblem& problem, Precision precision, const WeightMap& map, const float* weights,
               float* packed, Stream stream) {
  switch (precision) {
    case Precision::kFp32:
      return run_pack<Fp32Slot>(problem, map, weights, packed, stream);
    case Precision::kTf32:
      return run_pack<Tf32Slot>(problem, map, weights, packed, stream);
    case Precision::kFp16:
      return run_pack<HalfSlot<Fp16>>(problem, map, weights, packed, stream);
    case Precision::kBf16:
      return run_pack<HalfSlot<Bf16>>(problem, map, weights, packed, stream);
  }
}

void winograd_pack(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                   Stream stream) {
  const int slots = ceil_div(p.bundles.channel_blocks(), Fp32Slot::kRows) * kSlots;
  const std::int64_t count = std::int64_t{panels_of(p.bundles)} * slots * kPanel * kBlock;
  launch("conv_pack", winograd_pack_kernel, grid_for(count), 256, 0, stream, p, map, weights, packed, slots,
         count);
}

void depthwise_pack(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                    Stream stream) {
  const std::int64_t count = std::int64_t{blocks_of(p.bundles.total_filters)} * p.taps() * kBlock;
  launch("conv_pack", depthwise_pack_kernel, grid_for(count), 256, 0, stream, p, map, weights, packed);
}

}  // namespace pydarknet
