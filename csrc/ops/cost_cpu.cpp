#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "ops/cost.h"
#include "threads.h"

namespace pydarknet {
namespace {

struct Term {
  float loss, delta;
};

// Calls term(output, truth) for each number, writes its delta and gives the sum of its losses.
template <class F>
double sum_terms(const LossRows& rows, F&& term) {
  std::vector<double> sums(static_cast<std::size_t>(rows.images));
  parallel_for(rows.images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      double sum = 0;
      for (std::int64_t i = image * rows.inputs; i < (image + 1) * rows.inputs; ++i) {
        const Term one = term(rows.output[i], rows.truth[i]);
        rows.delta[i] = one.delta;
        sum += double{one.loss};
      }
      sums[static_cast<std::size_t>(image)] = sum;
    }
  });
  double all = 0;
  for (const double sum : sums) all += sum;
  return all;
}

// The logarithm of a probability that may have underflowed.
float log_probability(float p) { return std::log(std::max(p, FLT_MIN)); }

Term smooth_l1(float difference) {
  const float size = std::abs(difference);
  if (size < 1) return {difference * difference, difference};
  return {2 * size - 1, difference > 0 ? 1.0f : -1.0f};
}

Term cost_term(float x, float truth, Cost kind) {
  const float difference = truth - x;
  switch (kind) {
    case Cost::kSmooth:
      return smooth_l1(difference);
    case Cost::kL1:
      return {std::abs(difference), difference > 0 ? 1.0f : -1.0f};
    case Cost::kWgan:
      return {truth != 0 ? -x : x, truth > 0 ? 1.0f : -1.0f};
    case Cost::kSse:
    case Cost::kMasked:
    case Cost::kSeg:
      break;
  }
  return {difference * difference, difference};
}

}  // namespace

double softmax_loss(const LossRows& rows, bool masked, Stream) {
  return sum_terms(rows, [masked](float p, float truth) -> Term {
    if (masked && truth == kNoTruth) return {0, 0};
    return {truth != 0 ? -log_probability(p) : 0, truth - p};
  });
}

double logistic_loss(const LossRows& rows, Stream) {
  return sum_terms(rows, [](float p, float truth) -> Term {
    return {-truth * log_probability(p) - (1 - truth) * log_probability(1 - p), truth - p};
  });
}

double cost_loss(const LossRows& rows, const CostSettings& settings, Stream) {
  const float inputs = static_cast<float>(rows.inputs), least = settings.thresh / inputs;
  return sum_terms(rows, [&](float x, float given) -> Term {
    if (settings.kind == Cost::kMasked && given == kNoTruth) return {0, 0};
    const float truth =
        settings.smooth != 0 ? (1 - settings.smooth) * given + settings.smooth / inputs : given;
    Term term = cost_term(x, truth, settings.kind);
    if (settings.kind == Cost::kSeg && truth == 0) {
      term = {term.loss * settings.noobject_scale, term.delta * settings.noobject_scale};
    }
    if (std::abs(term.delta) < least) term.delta = 0;
    return {term.loss, term.delta * settings.scale};
  });
}

}  // namespace pydarknet
