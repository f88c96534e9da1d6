// The device's vocabulary for a C++ compiler: kernels run on the CPU, and are watched while they do.
// csrc/nvcc/device.h is the same for nvcc; the build puts one of the two folders on the include path.
#pragma once
#include "emu/async_copy.h"
#include "emu/atomics.h"
#include "emu/intrinsics.h"
#include "emu/launch.h"
#include "emu/matrix.h"
#include "emu/shared.h"
#include "emu/synchronise.h"
#include "emu/types.h"
// Last: plain code over all of the above.
#include "cuda/reduce.h"
