// The emulated device's code is compiled without fused multiply-adds.
#pragma once
#include "cpu/product.h"
