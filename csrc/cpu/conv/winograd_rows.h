// Kernels of F(4x4, 3x3) transformed along one axis: 18 floats instead of 36. Of a row of points they are x =
// g0, y = a g1, z = a^2 g2, from which the micro-kernel makes those at each point of the other axis, where it
// loads them; up to a factor that the transformed input has.
#pragma once
#include <array>

#include "cpu/conv/winograd_edge.h"
#include "cpu/simd/pair_microkernel.h"

namespace pydarknet::winograd {

struct HalfTransformed : UnitStride<4> {
  using W = Winograd<4>;
  static constexpr bool kScaled = true;  // the transformed input, along the axis of which kernels aren't
  static constexpr int kRow = 3;         // floats of a kernel at a row of points

  // What G has beside these at each of the points 0, a, -a, b, -b and infinity.
  static constexpr std::array<float, kPlanes> scales() {
    constexpr double at_a = 1 / (2 * W::kA2 * (W::kA2 - W::kB2)), at_b = 1 / (2 * W::kB2 * (W::kB2 - W::kA2));
    const auto f = [](double value) { return static_cast<float>(value); };
    return {f(1 / (W::kA2 * W::kB2)), f(at_a), f(at_a), f(at_b), f(at_b), f(1 / W::kA2)};
  }
};

// The micro-kernels of a row's points 0 and infinity, +-a and +-b.
struct RowKernels {
  simd::ProductKernels zero, infinity;
  simd::PairKernels near, far;
};
const RowKernels& row_kernels();

}  // namespace pydarknet::winograd
