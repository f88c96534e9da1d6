// What a launch, a copy or an allocation on the device throws; the bindings make it a DeviceError.
#pragma once
#include <stdexcept>

namespace pydarknet {

class DeviceFailure : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace pydarknet
