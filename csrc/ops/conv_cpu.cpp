#include <algorithm>
#include <limits>
#include <stdexcept>

#include "ops/conv.h"
#include "ops/conv_kinds.h"
#include "threads.h"

namespace pydarknet {
namespace {

std::vector<const ConvAlgorithm*> usable(const ConvShape& shape) {
  const ConvAlgorithm* all[] = {&direct_convolution(), &direct_plain_convolution(), &depthwise_convolution(),
                                &winograd2_convolution(), &winograd4_convolution()};
  std::vector<const ConvAlgorithm*> list;
  for (const ConvAlgorithm* a : all) {
    if (a->supports(shape)) list.push_back(a);
  }
  return list;
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
    double cost;
    std::int64_t bytes;
  };
  std::vector<Candidate> candidates;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const ConvAlgorithm* a : usable(shape)) {
    if (a->plain() != plain) continue;
    candidates.push_back({a->name(), a->cost(shape, num_threads()), a->packed_size(shape) * 4});
    least = std::min(least, candidates.back().bytes);
  }
  const std::int64_t most = std::max(least, max_packed_bytes);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
  std::vector<std::string> names;
  for (const Candidate& c : candidates) {
    if (c.bytes <= most) names.push_back(c.name);
  }
  return names;
}

std::int64_t conv_workspace(const ConvShape& shape, const ConvAlgorithm& algorithm) {
  return algorithm.workspace(shape, num_threads());
}

int conv_threads(const ConvCall& call, const ConvAlgorithm& algorithm) {
  int threads = num_threads();
  while (threads > 1 && algorithm.workspace(call.shape, threads) > call.workspace_floats) --threads;
  return threads;
}

float rectifier_slope(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return 0.0f;
    case Activation::kLeaky:
      return 0.1f;
    default:
      return 1.0f;
  }
}

void conv_forward(const ConvAlgorithm& algorithm, const ConvCall& call, const float* x, Tensor y,
                  Stream stream) {
  algorithm.forward(call, x, y);
  if (call.activation != Activation::kLinear && rectifier_slope(call.activation) == 1.0f) {
    activate(y.data, y.size(), call.activation, stream);
  }
}

}  // namespace pydarknet
