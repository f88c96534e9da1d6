// The transposes of F(4x4, 3x3)'s transforms, for the gradient of its kernel: from
//   y = A^T ((G g G^T) * (B^T d B)) A   follows   dg = G^T ((A dy A^T) * (B^T d B)) G.
#pragma once
#include "cpu/simd/vec.h"
#include "shared/winograd.h"

namespace pydarknet::simd {

struct WinogradGradient {
  using Forward = Winograd<4>;
  static constexpr int kTile = Forward::kTile, kOutput = 4, kKernel = 3;
  static constexpr double kA = Forward::kA, kA2 = Forward::kA2, kB = Forward::kB, kB2 = Forward::kB2;
  static constexpr double kZero = 1 / (kA2 * kB2), kAtA = 1 / (2 * kA2 * (kA2 - kB2)),
                          kAtB = 1 / (2 * kB2 * (kB2 - kA2));
  // G.
  static constexpr float kKernels[kTile][kKernel] = {{kZero, 0, 0},
                                                     {kAtA, kAtA * kA, kAtA * kA2},
                                                     {kAtA, -kAtA * kA, kAtA * kA2},
                                                     {kAtB, kAtB * kB, kAtB * kB2},
                                                     {kAtB, -kAtB * kB, kAtB * kB2},
                                                     {0, 0, 1}};

  // A dy: four values to six points.
  static void output(const Lanes* d, int step, Lanes* u, int u_step) {
    constexpr float a = Forward::kA, b = Forward::kB, a2 = Forward::kA2, b2 = Forward::kB2,
                    a3 = Forward::kA2 * Forward::kA, b3 = Forward::kB2 * Forward::kB;
    const Lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    const Lanes even_a = d0 + a2 * d2, odd_a = a * d1 + a3 * d3;
    const Lanes even_b = d0 + b2 * d2, odd_b = b * d1 + b3 * d3;
    u[0] = d0;
    u[u_step] = even_a + odd_a;
    u[2 * u_step] = even_a - odd_a;
    u[3 * u_step] = even_b + odd_b;
    u[4 * u_step] = even_b - odd_b;
    u[5 * u_step] = d3;
  }
  // G^T u: six points to three taps.
  static void kernel(const Lanes* u, int step, Lanes* g, int g_step) {
    constexpr float zero = kZero, at_a = kAtA, at_b = kAtB;
    constexpr float a = kA, b = kB, aa = kA2, bb = kB2;
    const Lanes even_a = at_a * (u[step] + u[2 * step]), odd_a = at_a * (u[step] - u[2 * step]);
    const Lanes even_b = at_b * (u[3 * step] + u[4 * step]), odd_b = at_b * (u[3 * step] - u[4 * step]);
    g[0] = zero * u[0] + even_a + even_b;
    g[g_step] = a * odd_a + b * odd_b;
    g[2 * g_step] = aa * even_a + bb * even_b + u[5 * step];
  }
};

}  // namespace pydarknet::simd
