// Which algorithm: by name, or by the cost model.
#include <algorithm>
#include <limits>
#include <stdexcept>

#include "ops/conv.h"
#include "threads.h"

namespace pydarknet {
namespace {

std::vector<const ConvAlgorithm*> usable(const ConvShape& shape) {
  std::vector<const ConvAlgorithm*> list;
  for (const ConvAlgorithm* a : convolution_algorithms()) {
    if (a->supports(shape)) list.push_back(a);
  }
  return list;
}

// FP32 is never too coarse, and TF32 not where sixteen bits are enough.
bool fine_enough(Precision precision) {
  const Precision coarsest = pydarknet::precision();
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

std::vector<std::string> conv_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain) {
  struct Candidate {
    const char* name;
    bool too_coarse;
    double cost;
    std::int64_t bytes;
    bool operator<(const Candidate& other) const {
      return too_coarse != other.too_coarse ? other.too_coarse : cost < other.cost;
    }
  };
  std::vector<Candidate> candidates;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const ConvAlgorithm* a : usable(shape)) {
    if (a->plain() != plain) continue;
    candidates.push_back({a->name(), !fine_enough(a->precision()), a->cost(shape, num_threads()),
                          a->packed_size(shape) * std::int64_t{sizeof(float)}});
    if (!candidates.back().too_coarse) least = std::min(least, candidates.back().bytes);
  }
  const std::int64_t most = std::max(least, max_packed_bytes);
  std::stable_sort(candidates.begin(), candidates.end());
  std::vector<std::string> names;
  for (const Candidate& c : candidates) {
    if (c.bytes <= most) names.push_back(c.name);
  }
  return names;
}

std::int64_t conv_workspace(const ConvShape& shape, const ConvAlgorithm& algorithm) {
  return algorithm.workspace(shape, num_threads());
}

}  // namespace pydarknet
