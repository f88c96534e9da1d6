// For ops that treat an array as a row of floats, whatever its shape: one register at a time, in parallel.
#pragma once
#include <algorithm>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {

// Floats i to i + kBlock of any array.
struct WholeLanes {
  std::int64_t i;
  simd::Lanes load(const float* from) const { return simd::load(from + i); }
  void store(float* to, simd::Lanes v) const { simd::store(to + i, v); }
  int count() const { return kBlock; }
};

// The last floats of an array, fewer than a register: loads fill it with zeros.
struct FirstLanes {
  std::int64_t i;
  int rest;
  simd::Lanes load(const float* from) const { return simd::load_first(from + i, rest); }
  void store(float* to, simd::Lanes v) const { simd::store_first(to + i, v, rest); }
  int count() const { return rest; }
};

// Calls work(WholeLanes or FirstLanes) for all of [first, last).
template <class F>
inline void for_lanes(std::int64_t first, std::int64_t last, F& work) {
  std::int64_t i = first;
  for (; i + kBlock <= last; i += kBlock) work(WholeLanes{i});
  if (i < last) work(FirstLanes{i, static_cast<int>(last - i)});
}

// The same for [0, count), in parallel.
template <class F>
inline void for_flat(std::int64_t count, F work) {
  constexpr std::int64_t kChunk = 16;  // Parts begin on cache lines, so threads share none.
  parallel_for((count + kChunk - 1) / kChunk, 512, [&](std::int64_t begin, std::int64_t end) {
    for_lanes(begin * kChunk, std::min(end * kChunk, count), work);
  });
}

}  // namespace pydarknet
