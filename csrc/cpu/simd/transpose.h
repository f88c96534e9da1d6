// Square transposes in registers, and lanes of which only the first few exist in memory.
#pragma once
#include <cstring>
#include <utility>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

// The first `count` lanes from memory, zeros after them.
inline Lanes load_first(const float* from, int count) {
  Lanes v{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(float));
  return v;
}
inline void store_first(float* to, Lanes v, int count) {
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(float));
}

namespace detail {
// Lane 2i is a[i + first], lane 2i + 1 the same of b. Clang has no __builtin_shuffle, and GCC before 12 only
// that.
template <int first, int... I>
inline Lanes zip(Lanes a, Lanes b, std::integer_sequence<int, I...>) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, (I % 2 * kBlock + I / 2 + first)...);
#else
  return __builtin_shuffle(a, b, IntLanes{(I % 2 * kBlock + I / 2 + first)...});
#endif
}
}  // namespace detail

// rows[i][j] becomes rows[j][i]: zipping row i with row i + kBlock / 2 rotates the bits of the index (row,
// lane) by one; after log2(kBlock) rounds row and lane have changed places.
inline void transpose(Lanes (&rows)[kBlock]) {
  constexpr auto lanes = std::make_integer_sequence<int, kBlock>{};
  PYDARKNET_UNROLL
  for (int round = kBlock; round > 1; round /= 2) {
    Lanes next[kBlock];
    PYDARKNET_UNROLL
    for (int i = 0; i < kBlock / 2; ++i) {
      next[2 * i] = detail::zip<0>(rows[i], rows[i + kBlock / 2], lanes);
      next[2 * i + 1] = detail::zip<kBlock / 2>(rows[i], rows[i + kBlock / 2], lanes);
    }
    PYDARKNET_UNROLL
    for (int i = 0; i < kBlock; ++i) rows[i] = next[i];
  }
}

}  // namespace pydarknet::simd
