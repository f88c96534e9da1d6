// Divisions that round up, and sizes in whole cache lines.
#pragma once
#include <cstdint>

namespace pydarknet {

inline constexpr int kLine = 16;  // floats of a cache line

inline int ceil_div(std::int64_t a, std::int64_t b) { return static_cast<int>((a + b - 1) / b); }

// Activations of more floats than this come from beyond the second-level cache, and go there.
inline constexpr std::int64_t kFarFloats = 1 << 20;

inline std::int64_t whole_lines(std::int64_t floats) { return (floats + kLine - 1) / kLine * kLine; }

// An odd number of cache lines: arrays a power of two apart would meet in the same sets of the cache.
inline std::int64_t odd_lines(std::int64_t floats) { return ((floats + kLine - 1) / kLine | 1) * kLine; }

}  // namespace pydarknet
