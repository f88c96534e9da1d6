// The device's vocabulary for nvcc: what CUDA itself does not have. csrc/emu/device.h is the same for g++.
#pragma once
#include "nvcc/async_copy.h"
#include "nvcc/launch.h"
#include "nvcc/matrix.h"
#include "nvcc/memory.h"
#include "nvcc/shared.h"
// Last: plain code over all of the above.
#include "cuda/reduce.h"
