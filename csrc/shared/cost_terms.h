// The loss and delta of one number, for each kind of cost.
#pragma once
#include <cfloat>
#include <cmath>

#include "ops/cost.h"

namespace pydarknet {

struct Term {
  float loss, delta;
};

// The logarithm of a probability that may have underflowed.
PYDARKNET_DEVICE inline float log_probability(float p) { return std::log(p < FLT_MIN ? FLT_MIN : p); }

struct SoftmaxTerm {
  bool masked;

  PYDARKNET_DEVICE Term operator()(float p, float truth) const {
    if (masked && truth == kNoTruth) return {0, 0};
    return {truth != 0 ? -log_probability(p) : 0, truth - p};
  }
};

struct CostTerm {
  CostSettings set;
  float inputs;  // numbers of an image

  PYDARKNET_DEVICE Term operator()(float x, float given) const {
    if (set.kind == Cost::kMasked && given == kNoTruth) return {0, 0};
    const float truth = set.smooth != 0 ? (1 - set.smooth) * given + set.smooth / inputs : given;
    Term term = of_difference(x, truth);
    if (set.kind == Cost::kSeg && truth == 0) {
      term = {term.loss * set.noobject_scale, term.delta * set.noobject_scale};
    }
    if (std::abs(term.delta) < set.thresh / inputs) term.delta = 0;
    return {term.loss, term.delta * set.scale};
  }

 private:
  PYDARKNET_DEVICE Term of_difference(float x, float truth) const {
    const float difference = truth - x;
    switch (set.kind) {
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

  PYDARKNET_DEVICE static Term smooth_l1(float difference) {
    const float size = std::abs(difference);
    if (size < 1) return {difference * difference, difference};
    return {2 * size - 1, difference > 0 ? 1.0f : -1.0f};
  }
};

}  // namespace pydarknet
