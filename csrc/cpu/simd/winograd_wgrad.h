// The transposes of F(4x4, 3x3)'s transforms, for the gradient of its kernel: from
//   y = A^T ((G g G^T) * (B^T d B)) A   follows   dg = G^T ((A dy A^T) * (B^T d B)) G.
#pragma once
#include <array>

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

// What is left of a row after tiles of 4: R outputs, at the first R + 2 of the points, and with the same G.
template <int R>
class WinogradRest {
  static constexpr int kPoints = R + 2;
  using Square = std::array<std::array<double, kPoints>, kPoints>;

 public:
  // x's R + 2 values: by Lagrange's polynomials.
  static void input(const Lanes* d, int step, Lanes* u, int u_step) {
    times<kPoints>(kLagrange, d, step, u, u_step);
  }
  // dy's R values: a polynomial's at the points.
  static void output(const Lanes* d, int step, Lanes* u, int u_step) {
    times<R>(kPowers, d, step, u, u_step);
  }

 private:
  template <int kLength>
  static void times(const Square& rows, const Lanes* d, int step, Lanes* u, int u_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kPoints; ++i) {
      Lanes sum{};
      PYDARKNET_UNROLL
      for (int j = 0; j < kLength; ++j) sum += static_cast<float>(rows[i][j]) * d[j * step];
      u[i * u_step] = sum;
    }
  }
  static constexpr double point(int i) {
    return (i % 2 == 0 ? -1 : 1) * (i == 0 ? 0 : i < 3 ? WinogradGradient::kA : WinogradGradient::kB);
  }
  static constexpr Square powers() {
    Square rows{};
    for (int i = 0; i < kPoints; ++i) {
      rows[i][0] = 1;
      for (int j = 1; j < kPoints; ++j) rows[i][j] = rows[i][j - 1] * point(i);
    }
    return rows;
  }
  // Row i: the coefficients of the polynomial that is 0 at all other points, and at point i one over G's
  // factor.
  static constexpr Square lagrange() {
    Square rows{};
    for (int i = 0; i < kPoints; ++i) {
      rows[i][0] = 1 / double{WinogradGradient::kKernels[i][0]};
      for (int other = 0; other < kPoints; ++other) {
        if (other == i) continue;
        const double over = 1 / (point(i) - point(other));
        for (int j = kPoints - 1; j >= 0; --j) {
          rows[i][j] = over * ((j > 0 ? rows[i][j - 1] : 0) - point(other) * rows[i][j]);
        }
      }
    }
    return rows;
  }
  static constexpr Square kPowers = powers(), kLagrange = lagrange();
};

}  // namespace pydarknet::simd
