#include "shared/activation.h"

#include <stdexcept>

namespace pydarknet {

Activation parse_activation(const std::string& name) {
#define PYDARKNET_NAMED(each) \
  if (name == activation::each::kName) return Activation::k##each;
  PYDARKNET_ACTIVATIONS(PYDARKNET_NAMED)
#undef PYDARKNET_NAMED
  throw std::invalid_argument("unknown activation '" + name + "'");
}

float rectifier_slope(Activation activation) {
  switch (activation) {
#define PYDARKNET_RECTIFIER(each) \
  case Activation::k##each:       \
    return activation::each::kRectifier;
    PYDARKNET_ACTIVATIONS(PYDARKNET_RECTIFIER)
#undef PYDARKNET_RECTIFIER
  }
  return 1.0f;
}

}  // namespace pydarknet
