// Products that are rounded before anything is added to them: numbers that must equal the CPU's bit by bit.
#pragma once
#include "host_device.h"

namespace pydarknet {

PYDARKNET_DEVICE inline float product(float a, float b) { return __fmul_rn(a, b); }
PYDARKNET_DEVICE inline double product(double a, double b) { return __dmul_rn(a, b); }

}  // namespace pydarknet
