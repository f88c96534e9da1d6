// The device's vocabulary for nvcc: what CUDA itself does not have. csrc/emu/vocabulary/device.h is the same
// for g++.
#pragma once
#include "cuda/shim/async_copy.h"
#include "cuda/shim/launch.h"
#include "cuda/shim/matrix.h"
#include "cuda/shim/memory.h"
#include "cuda/shim/shared.h"
// Last: plain code over all of the above.
#include "cuda/lib/reduce.h"
