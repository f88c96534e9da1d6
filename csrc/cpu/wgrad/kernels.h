// The micro-kernels of weight gradients. They are many: kernels.cpp compiles them once for all files.
#pragma once
#include "cpu/simd/factors.h"
#include "cpu/simd/wgrad_microkernel.h"

namespace pydarknet::simd {

extern template const WgradKernels& wgrad_kernels<Fp32, false>();
extern template const WgradKernels& wgrad_kernels<Fp32, true>();
extern template const WgradKernels& wgrad_kernels<Bf16Pairs, false>();

}  // namespace pydarknet::simd
