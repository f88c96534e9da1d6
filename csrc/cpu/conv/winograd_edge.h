// One axis of a tile: its transforms, at all points or at those that suffice for the outputs that are left at
// the right and the lower border. F(R, 3) from the packed kernels of F(M, 3), R < M, needs R + 2 of the M + 2
// points.
#pragma once
#include "cpu/simd/vec.h"
#include "shared/winograd.h"

namespace pydarknet::winograd {

// The finite points of F(M, 3) in the order of its transforms; infinity comes after them.
template <int M>
struct Points;
template <>
struct Points<2> {
  static constexpr double at[] = {0, 1, -1};
};
template <>
struct Points<3> {
  using W = Winograd<3>;
  static constexpr double at[] = {W::kA, -W::kA, W::kB, -W::kB};
};
template <>
struct Points<4> {
  using W = Winograd<4>;
  static constexpr double at[] = {0, W::kA, -W::kA, W::kB, -W::kB};
};
template <>
struct Points<6> {
  static constexpr double at[] = {0, 0.5, -0.5, 1, -1, 2, -2};
};

// Which of them R outputs take: those with the smallest errors (measured).
template <int M, int R>
struct EdgePoints;
template <>
struct EdgePoints<2, 1> {
  static constexpr int at[] = {1, 2, 3};
};
template <>
struct EdgePoints<3, 1> {
  static constexpr int at[] = {0, 2, 3};
};
template <>
struct EdgePoints<3, 2> {
  static constexpr int at[] = {0, 1, 2, 3};
};
template <>
struct EdgePoints<4, 1> {
  static constexpr int at[] = {1, 2, 5};
};
template <>
struct EdgePoints<4, 2> {
  static constexpr int at[] = {1, 2, 3, 4};
};
template <>
struct EdgePoints<4, 3> {
  static constexpr int at[] = {1, 2, 3, 4, 5};
};
template <>
struct EdgePoints<6, 1> {
  static constexpr int at[] = {0, 5, 6};
};
template <>
struct EdgePoints<6, 2> {
  static constexpr int at[] = {1, 2, 5, 6};
};
template <>
struct EdgePoints<6, 3> {
  static constexpr int at[] = {0, 3, 4, 5, 6};
};
template <>
struct EdgePoints<6, 4> {
  static constexpr int at[] = {0, 1, 2, 5, 6, 7};
};
template <>
struct EdgePoints<6, 5> {
  static constexpr int at[] = {1, 2, 3, 4, 5, 6, 7};
};

// B^T and A^T at N of the points of F(M, 3), for R outputs. A row of B^T is the polynomial that vanishes at
// the other points, times what the kernel's normalisation lacks: its values at the points that aren't used.
// Of a kernel of one tap, which has none, it is 1 at its own point.
template <int M, int N, int R>
struct PointMatrices {
  static constexpr int kInfinity = M + 1;
  float input[N][N] = {}, output[R][N] = {};

  constexpr explicit PointMatrices(const int* at) {
    for (int i = 0; i < N; ++i) {
      double row[N + 1] = {at[i] == kInfinity ? 1.0 : scale(at, i)};
      for (int j = 0; j < N; ++j) {
        if (j != i && at[j] != kInfinity) times(row, Points<M>::at[at[j]]);
      }
      for (int j = 0; j < N; ++j) input[i][j] = static_cast<float>(row[j]);
      double power = at[i] == kInfinity ? 0.0 : 1.0;
      for (int k = 0; k < R; ++k) {
        output[k][i] = static_cast<float>(at[i] == kInfinity ? k == R - 1 : power);
        power *= at[i] == kInfinity ? 0.0 : Points<M>::at[at[i]];
      }
    }
  }

 private:
  // The polynomial times (x - point).
  static constexpr void times(double (&row)[N + 1], double point) {
    for (int d = N; d > 0; --d) row[d] = row[d - 1] - point * row[d];
    row[0] *= -point;
  }
  static constexpr double scale(const int* at, int i) {
    const double x = Points<M>::at[at[i]];
    double product = 1;
    for (int q = 0; q < kInfinity; ++q) {
      bool used = false;
      for (int j = 0; j < N; ++j) used = used || at[j] == q;
      if (N > R && !used) product *= x - Points<M>::at[q];
      if (N == R && used && q != at[i]) product /= x - Points<M>::at[q];
    }
    return product;
  }
};

template <int N>
PYDARKNET_INLINE simd::Lanes dot(const float (&row)[N], const simd::Lanes* x, int step) {
  simd::Lanes sum{};
  PYDARKNET_UNROLL
  for (int j = 0; j < N; ++j) {
    if (row[j] != 0.0f) sum += row[j] * x[j * step];
  }
  return sum;
}

// One axis of a tile with R outputs: as Winograd<M>, with the points by their index there. From kInputs
// values to kPlanes transformed ones, which are multiplied and summed in kProducts.
template <int M, int R>
struct TileAxis {
  static constexpr int kInputs = R + 2, kPlanes = R + 2, kProducts = R + 2;
  static constexpr int plane(int i) { return EdgePoints<M, R>::at[i]; }
  static constexpr int product(int i) { return plane(i); }

  static PYDARKNET_INLINE void input(const simd::Lanes* d, int step, simd::Lanes* v, int v_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kPlanes; ++i) v[i * v_step] = dot(kMatrices.input[i], d, step);
  }
  static PYDARKNET_INLINE void output(const simd::Lanes* m, int step, simd::Lanes* y, int y_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) y[i * y_step] = dot(kMatrices.output[i], m, step);
  }

 private:
  static constexpr PointMatrices<M, R + 2, R> kMatrices{EdgePoints<M, R>::at};
};

template <int M>
struct TileAxis<M, M> : Winograd<M> {
  static constexpr int kInputs = M + 2, kPlanes = M + 2, kProducts = M + 2;
  static constexpr int plane(int i) { return i; }
  static constexpr int product(int i) { return i; }
};

// F(M x M, 3 x 3) with stride 1: each plane of the transformed input has a product and a kernel of its own.
template <int M>
struct UnitStride {
  using Transformed = UnitStride;  // whose transforms a scheme has
  static constexpr int kOutputs = M, kStride = 1;
  // Of BF16. Beyond, transforms make 4.8 of one rounding, and boxes would move by more than a percent.
  static constexpr bool kPairs = M < 4, kLazy = M <= 4, kScaled = false;
  static constexpr int kPlanes = M + 2, kProducts = M + 2, kKernels = M + 2;  // of one axis
  static constexpr int product(int plane) { return plane; }
  static constexpr int kernel(int plane) { return plane; }
  template <int R>
  using Axis = TileAxis<M, R>;
  using Kernel = Winograd<M>;
};

}  // namespace pydarknet::winograd
