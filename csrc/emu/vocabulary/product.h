// The emulated device runs host code.
#pragma once
#include "cpu/shim/product.h"
