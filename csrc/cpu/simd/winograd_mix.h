// An axis of F(4x4, 3x3)'s kernels as three numbers, and what they are at its six points: with +-a and +-b, s
// = g0 + a^2 g2, o = a g1 and t = (a/b) (g0 + b^2 g2), all times the normalisation of +-a. So a kernel is s +
// o and s - o at +-a, and, up to factors that the transformed input has, t + o and t - o at +-b, (b/a) s - t
// at 0 and (b/a) t - s at infinity: one instruction each.
#pragma once
#include "cpu/simd/vec.h"
#include "shared/winograd.h"

namespace pydarknet::simd {

// How two of the three make one of the six.
enum class Mix { kPlus, kMinus, kOuter };

template <Mix kMix>
PYDARKNET_INLINE Lanes mixed(Lanes x, Lanes y) {
  constexpr float outer = Winograd<4>::kB / Winograd<4>::kA;
  return kMix == Mix::kPlus ? x + y : kMix == Mix::kMinus ? x - y : outer * x - y;
}

// What the transformed input has at the points, in the order of Winograd<4>.
struct MixScales {
  static constexpr double kA = Winograd<4>::kA, kB = Winograd<4>::kB;
  static constexpr double at[] = {-2 * kA / kB, 1, 1, -kA / kB, -kA / kB, -2 * kA * kA};
};

// From taps to s, o and t, `step` lanes apart.
PYDARKNET_INLINE void mix_axis(Lanes* g, int step) {
  using W = Winograd<4>;
  constexpr float even = 1 / (2 * W::kA2 * (W::kA2 - W::kB2)), odd = even * W::kA,
                  other = even * W::kA / W::kB;
  constexpr float a2 = W::kA2, b2 = W::kB2;
  const Lanes g0 = g[0], g1 = g[step], g2 = g[2 * step];
  g[0] = even * (g0 + a2 * g2);
  g[step] = odd * g1;
  g[2 * step] = other * (g0 + b2 * g2);
}

}  // namespace pydarknet::simd
