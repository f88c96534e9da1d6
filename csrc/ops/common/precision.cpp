#include "ops/precision.h"

#include <atomic>
#include <stdexcept>

#include "ops/conv.h"

namespace pydarknet {
namespace {

constexpr const char* kNames[] = {"fp32", "tf32", "fp16", "bf16"};

bool available(Precision precision) {
  for (const ConvAlgorithm* a : convolution_algorithms()) {
    if (a->precision() == precision) return true;
  }
  return false;
}

std::atomic<Precision>& chosen() {
  static std::atomic<Precision> value{available(Precision::kTf32) ? Precision::kTf32 : Precision::kFp32};
  return value;
}

}  // namespace

const char* precision_name(Precision precision) { return kNames[static_cast<int>(precision)]; }

Precision parse_precision(const std::string& name) {
  for (int i = 0; i < 4; ++i) {
    if (name == kNames[i]) return static_cast<Precision>(i);
  }
  throw std::invalid_argument("unknown precision '" + name + "'; expected one of fp32, tf32, fp16, bf16");
}

Precision precision() { return chosen(); }

void set_precision(Precision precision) {
  if (!available(precision)) {
    throw std::invalid_argument("precision '" + std::string(precision_name(precision)) +
                                "' is not available on this device; use fp32");
  }
  chosen() = precision;
}

}  // namespace pydarknet
