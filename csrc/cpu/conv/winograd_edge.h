// F(R, 3) from the packed kernels of F(M, 3), for the R < M outputs that are left at the right and the lower
// border: it needs R + 2 of the M + 2 points. A row of B^T is the polynomial that vanishes at its other
// points, times what the kernel's normalisation lacks: its values at the points that aren't used.
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

// B^T and A^T.
template <int M, int R>
struct EdgeMatrices {
  static constexpr int kTile = R + 2, kInfinity = M + 1;
  float input[kTile][kTile] = {}, output[R][kTile] = {};

  constexpr EdgeMatrices() {
    for (int i = 0; i < kTile; ++i) {
      const int index = EdgePoints<M, R>::at[i];
      const double scale = index == kInfinity ? 1.0 : at_unused(Points<M>::at[index]);
      double row[kTile + 1] = {scale};
      for (int j = 0; j < kTile; ++j) {
        if (j != i && EdgePoints<M, R>::at[j] != kInfinity)
          times(row, Points<M>::at[EdgePoints<M, R>::at[j]]);
      }
      for (int j = 0; j < kTile; ++j) input[i][j] = static_cast<float>(row[j]);
      double power = index == kInfinity ? 0.0 : 1.0;
      for (int k = 0; k < R; ++k) {
        output[k][i] = static_cast<float>(index == kInfinity ? k == R - 1 : power);
        power *= index == kInfinity ? 0.0 : Points<M>::at[index];
      }
    }
  }

 private:
  // The polynomial times (x - point).
  static constexpr void times(double (&row)[kTile + 1], double point) {
    for (int d = kTile; d > 0; --d) row[d] = row[d - 1] - point * row[d];
    row[0] *= -point;
  }
  static constexpr double at_unused(double x) {
    double product = 1;
    for (int q = 0; q < kInfinity; ++q) {
      bool used = false;
      for (const int index : EdgePoints<M, R>::at) used = used || index == q;
      if (!used) product *= x - Points<M>::at[q];
    }
    return product;
  }
};

// One axis of a tile with R outputs: as Winograd<M>, with the points by their index there.
template <int M, int R>
struct TileAxis {
  static constexpr int kTile = R + 2;
  static constexpr int point(int i) { return EdgePoints<M, R>::at[i]; }

  static void input(const simd::Lanes* d, int step, simd::Lanes* v, int v_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < kTile; ++i) v[i * v_step] = dot(kMatrices.input[i], d, step);
  }
  static void output(const simd::Lanes* m, int step, simd::Lanes* y, int y_step) {
    PYDARKNET_UNROLL
    for (int i = 0; i < R; ++i) y[i * y_step] = dot(kMatrices.output[i], m, step);
  }

 private:
  static constexpr EdgeMatrices<M, R> kMatrices{};

  static simd::Lanes dot(const float (&row)[kTile], const simd::Lanes* x, int step) {
    simd::Lanes sum{};
    PYDARKNET_UNROLL
    for (int j = 0; j < kTile; ++j) {
      if (row[j] != 0.0f) sum += row[j] * x[j * step];
    }
    return sum;
  }
};

template <int M>
struct TileAxis<M, M> : Winograd<M> {
  static constexpr int point(int i) { return i; }
};

}  // namespace pydarknet::winograd
