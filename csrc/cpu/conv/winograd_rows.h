// Kernels of F(4x4, 3x3) transformed along one axis: 18 floats instead of 36. Of a row of points they are s,
// o and t (simd/winograd_mix.h), from which the micro-kernel makes those at each point of the other axis,
// where it loads them; up to a factor that the transformed input has.
#pragma once
#include "cpu/conv/winograd_edge.h"
#include "cpu/simd/pair_microkernel.h"
#include "cpu/simd/winograd_mix.h"

namespace pydarknet::winograd {

struct HalfTransformed : UnitStride<4> {
  static constexpr bool kScaled = true;  // the transformed input, along the axis of which kernels aren't
  static constexpr int kRow = 3;         // floats of a kernel at a row of points
};

// The micro-kernels of a row's points 0 and infinity, +-a and +-b.
struct RowKernels {
  simd::ProductKernels zero, infinity;
  simd::PairKernels near, far;
};
const RowKernels& row_kernels();

}  // namespace pydarknet::winograd
