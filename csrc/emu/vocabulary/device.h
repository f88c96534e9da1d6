// The device's vocabulary for a C++ compiler: kernels run on the CPU, and are watched while they do.
// csrc/cuda/shim/device.h is the same for nvcc; the build puts one of the two folders on the include path.
#pragma once
#include "emu/vocabulary/async_copy.h"
#include "emu/vocabulary/atomics.h"
#include "emu/vocabulary/intrinsics.h"
#include "emu/vocabulary/launch.h"
#include "emu/vocabulary/matrix.h"
#include "emu/vocabulary/shared.h"
#include "emu/vocabulary/synchronise.h"
#include "emu/vocabulary/types.h"
// Last: plain code over all of the above.
#include "cuda/lib/reduce.h"
