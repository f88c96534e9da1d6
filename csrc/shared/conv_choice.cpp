// Which algorithm: by name, or by the cost model.
#include "shared/conv_choice.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "shared/device_failure.h"

namespace pydarknet {
namespace {

std::vector<const ConvAlgorithm*> usable(const ConvShape& shape) {
  std::vector<const ConvAlgorithm*> list;
  for (const ConvAlgorithm* a : convolution_algorithms()) {
    if (a->supports(shape)) list.push_back(a);
  }
  if (list.empty()) {
    throw DeviceFailure(shape.text() +
                        ": more pixels or weights than the device counts; use a smaller input or batch");
  }
  return list;
}

// FP32 is never too coarse, and TF32 not where sixteen bits are enough.
bool fine_enough(Precision precision, Precision coarsest) {
  return precision == Precision::kFp32 || precision == coarsest ||
         (precision == Precision::kTf32 && coarsest != Precision::kFp32);
}

}  // namespace

const ConvAlgorithm& conv_algorithm(const ConvShape& shape, const std::string& name) {
  std::string names;
  for (const ConvAlgorithm* a : usable(shape)) {
    if (a->name() == name) return *a;
    names += (names.empty() ? "" : ", ") + std::string(a->name());
  }
  throw std::invalid_argument("algorithm '" + name + "' can't do " + shape.text() + "; expected one of " +
                              names);
}

std::vector<std::string> fastest_first(const std::vector<ConvCandidate>& candidates,
                                       std::int64_t max_packed_bytes, Precision coarsest) {
  const auto fine = [&](const ConvCandidate& c) { return fine_enough(c.algorithm->precision(), coarsest); };
  std::vector<ConvCandidate> sorted = candidates;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const ConvCandidate& a, const ConvCandidate& b) {
    if (fine(a) != fine(b)) return fine(a);
    return a.cost != b.cost ? a.cost < b.cost : a.packed_bytes < b.packed_bytes;
  });
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const ConvCandidate& c : sorted) {
    if (fine(c)) least = std::min(least, c.packed_bytes);
  }
  std::vector<std::string> names;
  for (const ConvCandidate& c : sorted) {
    if (c.packed_bytes <= std::max(least, max_packed_bytes)) names.push_back(c.algorithm->name());
  }
  return names;
}

std::vector<std::string> conv_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain,
                                         int threads) {
  std::vector<ConvCandidate> candidates;
  for (const ConvAlgorithm* a : usable(shape)) {
    if (a->plain() != plain) continue;
    candidates.push_back({a, a->cost(shape, threads), a->packed_size(shape) * std::int64_t{sizeof(float)}});
  }
  return fastest_first(candidates, max_packed_bytes, shape.precision);
}

}  // namespace pydarknet
