#include "ops/activation.h"

#include <stdexcept>

namespace pydarknet {
namespace {

struct Named {
  const char* name;
  Activation activation;
};

constexpr Named kNames[] = {
    {"linear", Activation::kLinear},   {"logistic", Activation::kLogistic},
    {"loggy", Activation::kLoggy},     {"relu", Activation::kRelu},
    {"elu", Activation::kElu},         {"selu", Activation::kSelu},
    {"relie", Activation::kRelie},     {"plse", Activation::kPlse},
    {"hardtan", Activation::kHardtan}, {"lhtan", Activation::kLhtan},
    {"ramp", Activation::kRamp},       {"leaky", Activation::kLeaky},
    {"tanh", Activation::kTanh},       {"stair", Activation::kStair},
    {"relu6", Activation::kRelu6},     {"swish", Activation::kSwish},
    {"mish", Activation::kMish},       {"hard_mish", Activation::kHardMish},
    {"gelu", Activation::kGelu},
};

}  // namespace

Activation parse_activation(const std::string& name) {
  for (const Named& entry : kNames) {
    if (name == entry.name) return entry.activation;
  }
  throw std::invalid_argument("unknown activation '" + name + "'");
}

}  // namespace pydarknet
