// Samples and bytes in tables, for loops on the CPU.
#pragma once
#include <array>
#include <vector>

#include "shared/sampling.h"

namespace pydarknet {

inline std::vector<Sample> samples(int from, int to, bool last_exact) {
  std::vector<Sample> result;
  result.reserve(static_cast<std::size_t>(to));
  for (int i = 0; i < to; ++i) result.push_back(sample_at(i, from, to, last_exact));
  return result;
}

inline std::array<float, 256> unit_table() {
  std::array<float, 256> table{};
  for (int i = 0; i < 256; ++i) table[i] = unit_of(i);
  return table;
}

}  // namespace pydarknet
