// In which form an algorithm's weights are packed, and what multiplies them.
#pragma once
#include <vector>

#include "cpu/conv/sizes.h"
#include "cpu/simd/microkernel.h"
#include "ops/precision.h"

namespace pydarknet {

struct WeightFormat {
  const char* suffix;  // of an algorithm's name
  Precision precision;
  int bytes;     // of a weight
  int together;  // channels that one step of the micro-kernel multiplies: 1, or BF16 pairs of weights and
                 // pixels
  double rate;   // multiply-adds of a step, to those of FP32's
  const simd::ProductKernels* kernels;  // on blocked arrays, whose pixels have kBlock / together floats
  // Writes `channels` rows of `filters` weights, as they are multiplied, to `to`.
  void (*narrow)(const float* rows, int channels, int filters, void* to);

  // Of arrays, which are counted in floats.
  std::int64_t floats(std::int64_t weights) const { return (weights * bytes + 3) / 4; }
  const void* at(const float* packed, std::int64_t weight) const {
    return reinterpret_cast<const char*>(packed) + weight * bytes;
  }
  void* at(float* packed, std::int64_t weight) const {
    return reinterpret_cast<char*>(packed) + weight * bytes;
  }
  // Floats between two pixels, or tiles, of what is multiplied.
  int pitch() const { return kBlock / together; }
};

const WeightFormat& fp32_format();
// All, FP32 first.
const std::vector<const WeightFormat*>& weight_formats();

// Of plain images: FP32.
const simd::ProductKernels& plain_kernels();

}  // namespace pydarknet
