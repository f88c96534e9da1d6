// The CPU's version of csrc/cuda/shim/host_device.h: every build has one of this name on its include path.
#pragma once

#define PYDARKNET_HD
#define PYDARKNET_DEVICE
// Inlined however long: arrays of vectors stay in registers.
#define PYDARKNET_INLINE inline __attribute__((always_inline))
