// Stride 2. Even inputs of an axis meet the outer two taps, odd ones the middle tap: M outputs are F(M, 2) of
// the M + 1 even inputs and F(M, 1) of the M odd ones, 2 M + 1 multiplications instead of 3 M. F(M, 2) has
// the points of F(M - 1, 3). The middle tap is the same at every point, and F(M, 1) is taken at the finite
// ones, so that both parts are summed there: what is transformed back is M + 1 points.
#pragma once
#include "cpu/conv/winograd_edge.h"

namespace pydarknet::winograd {

// Points that R of M outputs take, infinity last: the odd inputs have the others.
template <int M, int R>
struct StridedPoints;
template <>
struct StridedPoints<3, 1> {
  static constexpr int at[] = {1, 3};
};
template <>
struct StridedPoints<3, 2> {
  static constexpr int at[] = {1, 2, 3};
};
template <>
struct StridedPoints<4, 1> {
  static constexpr int at[] = {0, 4};
};
template <>
struct StridedPoints<4, 2> {
  static constexpr int at[] = {0, 1, 4};
};
template <>
struct StridedPoints<4, 3> {
  static constexpr int at[] = {0, 1, 2, 4};
};

template <int M, int R>
struct StridedAxis {
  static constexpr int kInputs = 2 * R + 1, kPlanes = 2 * R + 1, kProducts = R + 1;
  static constexpr int product(int i) { return StridedPoints<M, R>::at[i]; }
  static constexpr int plane(int i) { return i <= R ? product(i) : M + 1 + product(i - R - 1); }

  static PYDARKNET_INLINE void input(const simd::Lanes* d, int step, simd::Lanes* v, int v_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i <= R; ++i) v[i * v_step] = dot(kEven.input[i], d, 2 * step);
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) v[(R + 1 + i) * v_step] = dot(kOdd.input[i], d + step, 2 * step);
  }
  static PYDARKNET_INLINE void output(const simd::Lanes* m, int step, simd::Lanes* y, int y_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) y[i * y_step] = dot(kEven.output[i], m, step);
  }

 private:
  static constexpr PointMatrices<M - 1, R + 1, R> kEven{StridedPoints<M, R>::at};
  static constexpr PointMatrices<M - 1, R, R> kOdd{StridedPoints<M, R>::at};
};

template <int M>
struct WholeStridedAxis {
  static constexpr int kInputs = 2 * M + 1, kPlanes = 2 * M + 1, kProducts = M + 1;
  static constexpr int product(int i) { return i; }
  static constexpr int plane(int i) { return i; }
};

template <>
struct StridedAxis<3, 3> : WholeStridedAxis<3> {
  template <class V>
  static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    Winograd<2>::input(d, 2 * step, v, v_step);
    const V d0 = d[step], d1 = 0.5f * d[3 * step], d2 = d[5 * step], half = 0.5f * d2;
    v[4 * v_step] = d0 - d2;
    v[5 * v_step] = half + d1;
    v[6 * v_step] = half - d1;
  }
  template <class V>
  static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    const V sum = m[step] + m[2 * step];
    y[0] = m[0] + sum;
    y[y_step] = m[step] - m[2 * step];
    y[2 * y_step] = sum + m[3 * step];
  }
};

template <>
struct StridedAxis<4, 4> : WholeStridedAxis<4> {
  using Points = Winograd<3>;

  template <class V>
  static PYDARKNET_INLINE void input(const V* d, int step, V* v, int v_step) {
    Points::input(d, 2 * step, v, v_step);
    constexpr double scale = 0.5 / (Points::kB2 - Points::kA2);
    constexpr float own = scale, to_a = scale * Points::kB2, to_b = scale * Points::kA2;
    constexpr float odd_own_a = scale / Points::kA, odd_to_a = odd_own_a * Points::kB2;
    constexpr float odd_own_b = scale / Points::kB, odd_to_b = odd_own_b * Points::kA2;
    const V d0 = d[step], d1 = d[3 * step], d2 = d[5 * step], d3 = d[7 * step];
    const V even_a = to_a * d0 - own * d2, odd_a = odd_to_a * d1 - odd_own_a * d3;
    const V even_b = own * d2 - to_b * d0, odd_b = odd_own_b * d3 - odd_to_b * d1;
    v[5 * v_step] = even_a + odd_a;
    v[6 * v_step] = even_a - odd_a;
    v[7 * v_step] = even_b + odd_b;
    v[8 * v_step] = even_b - odd_b;
  }
  template <class V>
  static PYDARKNET_INLINE void output(const V* m, int step, V* y, int y_step) {
    constexpr float a = Points::kA, b = Points::kB, a2 = Points::kA2, b2 = Points::kB2;
    constexpr float a3 = Points::kA2 * Points::kA, b3 = Points::kB2 * Points::kB;
    const V sum_a = m[0] + m[step], odd_a = m[0] - m[step];
    const V sum_b = m[2 * step] + m[3 * step], odd_b = m[2 * step] - m[3 * step];
    y[0] = sum_a + sum_b;
    y[y_step] = a * odd_a + b * odd_b;
    y[2 * y_step] = a2 * sum_a + b2 * sum_b;
    y[3 * y_step] = a3 * odd_a + b3 * odd_b + m[4 * step];
  }
};

// The kernels at the points of the even inputs, and then the middle tap.
template <int M>
struct StridedKernel {
  template <class V>
  static PYDARKNET_INLINE void kernel(const V* g, int step, V* u, int u_step) {
    const V outer[3] = {g[0], g[2 * step], V{}};
    Winograd<M - 1>::kernel(outer, 1, u, u_step);
    u[M * u_step] = g[2 * step];
    u[(M + 1) * u_step] = g[step];
  }
};

template <int M>
struct StrideTwo {
  using Transformed = StrideTwo;
  static constexpr int kOutputs = M, kStride = 2;
  static constexpr bool kPairs = M < 4, kLazy = false, kScaled = false;
  static constexpr int kPlanes = 2 * M + 1, kProducts = M + 1, kKernels = M + 2;
  static constexpr int product(int plane) { return plane <= M ? plane : plane - M - 1; }
  static constexpr int kernel(int plane) { return plane <= M ? plane : M + 1; }
  template <int R>
  using Axis = StridedAxis<M, R>;
  using Kernel = StridedKernel<M>;
};

}  // namespace pydarknet::winograd
