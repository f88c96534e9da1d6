// Winograd's minimal filtering F(M x M, 3 x 3) (Winograd 1980; Lavin and Gray 2015): one-dimensional
// transforms of values V, on the CPU vectors of a block's channels, on devices one channel's floats.
//
// With the points 0, +-a, +-b and infinity, y = A^T ((G g) * (B^T d)). Rows of B^T are the polynomials that
// vanish at all points but one, unnormalised; G carries the normalisation.
#pragma once
#include "host_device.h"

namespace pydarknet {

template <int M>
struct Winograd;

// Points 0, 1, -1, infinity.
template <>
struct Winograd<2> {
  static constexpr int kTile = 4;

  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    v[0] = d[0] - d[2 * step];
    v[1 * v_step] = d[step] + d[2 * step];
    v[2 * v_step] = d[2 * step] - d[step];
    v[3 * v_step] = d[3 * step] - d[step];
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void kernel(const V* g, int step, V* u, int u_step) {
    const V even = (g[0] + g[2 * step]) * 0.5f, odd = g[step] * 0.5f;
    u[0] = g[0];
    u[1 * u_step] = even + odd;
    u[2 * u_step] = even - odd;
    u[3 * u_step] = g[2 * step];
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    y[0] = m[0] + m[step] + m[2 * step];
    y[y_step] = m[step] - m[2 * step] + m[3 * step];
  }
};

// Points +-a, +-b, infinity.
template <>
struct Winograd<3> {
  static constexpr int kTile = 5;
  static constexpr double kA = 0.375, kB = 1.25;
  static constexpr double kA2 = kA * kA, kB2 = kB * kB;

  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    constexpr float sum = kA2 + kB2, product = kA2 * kB2, a = kA, b = kB, a2 = kA2, b2 = kB2;
    const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    const V odd_a = d3 - b2 * d1, even_a = d2 - b2 * d0;
    const V odd_b = d3 - a2 * d1, even_b = d2 - a2 * d0;
    v[0] = odd_a + a * even_a;
    v[1 * v_step] = odd_a - a * even_a;
    v[2 * v_step] = odd_b + b * even_b;
    v[3 * v_step] = odd_b - b * even_b;
    v[4 * v_step] = d[4 * step] - sum * d2 + product * d0;
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void kernel(const V* g, int step, V* u, int u_step) {
    constexpr float at_a = 1 / (2 * kA * (kA2 - kB2)), at_b = 1 / (2 * kB * (kB2 - kA2));
    constexpr float a = kA, b = kB, a2 = kA2, b2 = kB2;
    const V g0 = g[0], g1 = g[step], g2 = g[2 * step];
    u[0] = at_a * (g0 + a2 * g2 + a * g1);
    u[1 * u_step] = -at_a * (g0 + a2 * g2 - a * g1);
    u[2 * u_step] = at_b * (g0 + b2 * g2 + b * g1);
    u[3 * u_step] = -at_b * (g0 + b2 * g2 - b * g1);
    u[4 * u_step] = g2;
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    constexpr float a = kA, b = kB, a2 = kA2, b2 = kB2;
    const V sum_a = m[0] + m[step], odd_a = m[0] - m[step];
    const V sum_b = m[2 * step] + m[3 * step], odd_b = m[2 * step] - m[3 * step];
    y[0] = sum_a + sum_b;
    y[1 * y_step] = a * odd_a + b * odd_b;
    y[2 * y_step] = a2 * sum_a + b2 * sum_b + m[4 * step];
  }
};

// Points 0, +-a, +-b, infinity.
template <>
struct Winograd<4> {
  static constexpr int kTile = 6;
  static constexpr double kA = 0.6875, kB = 1.375;
  static constexpr double kA2 = kA * kA, kB2 = kB * kB;

  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    constexpr float sum = kA2 + kB2, product = kA2 * kB2, a = kA, b = kB, a2 = kA2, b2 = kB2;
    const V d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    const V even_a = d4 - b2 * d2, odd_a = d3 - b2 * d1;
    const V even_b = d4 - a2 * d2, odd_b = d3 - a2 * d1;
    v[0] = d4 - sum * d2 + product * d[0];
    v[1 * v_step] = even_a + a * odd_a;
    v[2 * v_step] = even_a - a * odd_a;
    v[3 * v_step] = even_b + b * odd_b;
    v[4 * v_step] = even_b - b * odd_b;
    v[5 * v_step] = d[5 * step] - sum * d3 + product * d1;
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void kernel(const V* g, int step, V* u, int u_step) {
    constexpr float zero = 1 / (kA2 * kB2), at_a = 1 / (2 * kA2 * (kA2 - kB2)),
                    at_b = 1 / (2 * kB2 * (kB2 - kA2));
    constexpr float a = kA, b = kB, a2 = kA2, b2 = kB2;
    const V g0 = g[0], g1 = g[step], g2 = g[2 * step];
    u[0] = zero * g0;
    u[1 * u_step] = at_a * (g0 + a2 * g2 + a * g1);
    u[2 * u_step] = at_a * (g0 + a2 * g2 - a * g1);
    u[3 * u_step] = at_b * (g0 + b2 * g2 + b * g1);
    u[4 * u_step] = at_b * (g0 + b2 * g2 - b * g1);
    u[5 * u_step] = g2;
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    constexpr float a = kA, b = kB, a2 = kA2, b2 = kB2, a3 = kA2 * kA, b3 = kB2 * kB;
    const V even_a = m[step] + m[2 * step], odd_a = m[step] - m[2 * step];
    const V even_b = m[3 * step] + m[4 * step], odd_b = m[3 * step] - m[4 * step];
    y[0] = m[0] + even_a + even_b;
    y[1 * y_step] = a * odd_a + b * odd_b;
    y[2 * y_step] = a2 * even_a + b2 * even_b;
    y[3 * y_step] = m[5 * step] + a3 * odd_a + b3 * odd_b;
  }
};

// Points 0, +-1/2, +-1, +-2, infinity.
template <>
struct Winograd<6> {
  static constexpr int kTile = 8;

  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    const V d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    const V d4 = d[4 * step], d5 = d[5 * step], d6 = d[6 * step];
    const V even_half = d6 - 5.0f * d4 + 4.0f * d2, odd_half = d5 - 5.0f * d3 + 4.0f * d1;
    const V even_one = d6 + d2 - 4.25f * d4, odd_one = d5 + d1 - 4.25f * d3;
    const V even_two = d6 - 1.25f * d4 + 0.25f * d2, odd_two = d5 - 1.25f * d3 + 0.25f * d1;
    v[0] = d6 - d[0] + 5.25f * (d2 - d4);
    v[1 * v_step] = even_half + 0.5f * odd_half;
    v[2 * v_step] = even_half - 0.5f * odd_half;
    v[3 * v_step] = even_one + odd_one;
    v[4 * v_step] = even_one - odd_one;
    v[5 * v_step] = even_two + 2.0f * odd_two;
    v[6 * v_step] = even_two - 2.0f * odd_two;
    v[7 * v_step] = d[7 * step] - d1 + 5.25f * (d3 - d5);
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void kernel(const V* g, int step, V* u, int u_step) {
    constexpr float at_half = 32.0 / 45, at_one = -2.0 / 9, at_two = 1.0 / 90;
    const V g0 = g[0], g1 = g[step], g2 = g[2 * step];
    u[0] = -1.0f * g0;
    u[1 * u_step] = at_half * (g0 + 0.25f * g2 + 0.5f * g1);
    u[2 * u_step] = at_half * (g0 + 0.25f * g2 - 0.5f * g1);
    u[3 * u_step] = at_one * (g0 + g2 + g1);
    u[4 * u_step] = at_one * (g0 + g2 - g1);
    u[5 * u_step] = at_two * (g0 + 4.0f * g2 + 2.0f * g1);
    u[6 * u_step] = at_two * (g0 + 4.0f * g2 - 2.0f * g1);
    u[7 * u_step] = g2;
  }
  template <class V>
  PYDARKNET_HD static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    const V even_half = m[step] + m[2 * step], odd_half = m[step] - m[2 * step];
    const V even_one = m[3 * step] + m[4 * step], odd_one = m[3 * step] - m[4 * step];
    const V even_two = m[5 * step] + m[6 * step], odd_two = m[5 * step] - m[6 * step];
    y[0] = m[0] + even_half + even_one + even_two;
    y[1 * y_step] = odd_one + 0.5f * odd_half + 2.0f * odd_two;
    y[2 * y_step] = even_one + 0.25f * even_half + 4.0f * even_two;
    y[3 * y_step] = odd_one + 0.125f * odd_half + 8.0f * odd_two;
    y[4 * y_step] = even_one + 0.0625f * even_half + 16.0f * even_two;
    y[5 * y_step] = m[7 * step] + odd_one + 0.03125f * odd_half + 32.0f * odd_two;
  }
};

}  // namespace pydarknet
