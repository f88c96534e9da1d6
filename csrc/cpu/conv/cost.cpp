#include "cpu/conv/cost.h"

#include <algorithm>

#include "cpu/simd/microkernel.h"

namespace pydarknet {
namespace {

// Of one core; only ratios matter, as the model ranks algorithms.
constexpr double kClock = 3e9;
constexpr double kFmasPerCycle = 1.75;
constexpr double kVectorsPerCycle = 1.0;
constexpr double kCachedBytes = 1.5e6;  // weights up to here stay in the second-level cache
constexpr double kBytesPerCycle = 7.0;  // weights from further away, by one thread
constexpr int kReaders = 2;             // threads that take all the memory gives
constexpr double kFmaLatency = 4.0;

}  // namespace

void CostModel::product(double fmas, int run) {
  const int groups = (run + simd::kRows - 1) / simd::kRows;
  const double rows = static_cast<double>(run) / groups;
  // Sums in flight hide the latency; short runs also load more weights for each multiply-add.
  const double rate = std::min({kFmasPerCycle, rows * simd::kPanelBlocks / kFmaLatency, 0.25 * (rows + 2)});
  cycles_ += fmas / rate;
}

void CostModel::vectors(double instructions) { cycles_ += instructions / kVectorsPerCycle; }

void CostModel::weights(std::int64_t floats) {
  if (floats * 4.0 > kCachedBytes) bytes_ += floats * 4.0;
}

double CostModel::seconds() const {
  const double compute = cycles_ / threads_;
  const double memory = bytes_ / kBytesPerCycle / std::min(threads_, kReaders);
  // Reading and computing overlap, but not wholly.
  return (std::max(compute, memory) + 0.25 * std::min(compute, memory)) / kClock;
}

}  // namespace pydarknet
