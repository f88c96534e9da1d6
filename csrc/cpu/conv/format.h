// In which form an algorithm's weights are packed, and what multiplies them.
#pragma once
#include <vector>

#include "cpu/lib/sizes.h"
#include "cpu/simd/microkernel.h"
#include "ops/precision.h"

namespace pydarknet {

struct WeightFormat {
  const char* suffix;  // of an algorithm's name
  Precision precision;
  int bytes;     // of a weight
  int together;  // channels that a step of the micro-kernel multiplies: 1, or a pair, whose pixels are BF16
                 // too
  const simd::ProductKernels& (*kernels)();  // on blocked arrays
  // Writes `channels` rows of `filters` weights, as they are multiplied, to `to`, which may be where they
  // lie.
  void (*narrow)(const float* rows, int channels, int filters, void* to);

  // What so many weights take of an array of floats.
  std::int64_t floats(std::int64_t weights) const { return (weights * bytes + 3) / 4; }
  // Floats from one pixel, or tile, that is multiplied to the next.
  int pitch() const { return kBlock / together; }
  bool paired() const { return together == 2; }
};

const WeightFormat& fp32_format();
// All, FP32 first.
const std::vector<const WeightFormat*>& weight_formats();

}  // namespace pydarknet
