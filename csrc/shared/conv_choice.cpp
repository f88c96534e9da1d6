// Which algorithm: by name, or by the cost model.
#include "shared/conv_choice.h"

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>

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
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const ConvCandidate& c : candidates) {
    if (fine(c)) most = std::min(most, c.packed_bytes);
  }
  most = std::max(most, max_packed_bytes);
  std::vector<ConvCandidate> sorted;
  std::map<std::string, double> alone;  // of the same bits, the fastest with one thread
  for (const ConvCandidate& c : candidates) {
    if (c.packed_bytes > most) continue;
    sorted.push_back(c);
    const auto best = alone.emplace(c.algorithm->same_bits(), c.alone).first;
    best->second = std::min(best->second, c.alone);
  }
  const auto rank = [&](const ConvCandidate& c) {
    return std::make_tuple(!fine(c), alone[c.algorithm->same_bits()], c.cost, c.packed_bytes);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const ConvCandidate& a, const ConvCandidate& b) { return rank(a) < rank(b); });
  std::vector<std::string> names;
  for (const ConvCandidate& c : sorted) names.push_back(c.algorithm->name());
  return names;
}

std::vector<std::string> conv_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain,
                                         int threads) {
  std::vector<ConvCandidate> candidates;
  for (const ConvAlgorithm* a : usable(shape)) {
    if (a->plain() != plain) continue;
    candidates.push_back(
        {a, a->cost(shape, threads), a->packed_size(shape) * std::int64_t{sizeof(float)}, a->cost(shape, 1)});
  }
  return fastest_first(candidates, max_packed_bytes, shape.precision);
}

}  // namespace pydarknet
