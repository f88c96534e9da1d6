// The CPU's version of csrc/cuda/shim/host_device.h: every build has one of this name on its include path.
#pragma once

#define PYDARKNET_HD
#define PYDARKNET_DEVICE
