// For headers that kernels share with host code: every build has a file of this name on its include path.
#pragma once
#include <cuda_runtime.h>

// On host and device; in kernels only, or on the CPU where there are none.
#define PYDARKNET_HD __host__ __device__
#define PYDARKNET_DEVICE __device__
#define PYDARKNET_INLINE __forceinline__
