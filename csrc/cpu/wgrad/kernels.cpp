#include "cpu/wgrad/kernels.h"

namespace pydarknet::simd {

template const WgradKernels& wgrad_kernels<Fp32, false>();
template const WgradKernels& wgrad_kernels<Fp32, true>();
template const WgradKernels& wgrad_kernels<Bf16Pairs, false>();

}  // namespace pydarknet::simd
