#include "ops/precision.h"

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

}  // namespace

const char* precision_name(Precision precision) { return kNames[static_cast<int>(precision)]; }

Precision parse_precision(const std::string& name) {
  for (int i = 0; i < 4; ++i) {
    const auto precision = static_cast<Precision>(i);
    if (name != kNames[i]) continue;
    if (available(precision)) return precision;
    throw std::invalid_argument("precision '" + name + "' is not available on this device; use fp32");
  }
  throw std::invalid_argument("unknown precision '" + name + "'; expected one of fp32, tf32, fp16, bf16");
}

std::vector<Precision> precisions() {
  std::vector<Precision> found;
  for (int i = 0; i < 4; ++i) {
    if (available(static_cast<Precision>(i))) found.push_back(static_cast<Precision>(i));
  }
  return found;
}

}  // namespace pydarknet
