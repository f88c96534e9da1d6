#include <algorithm>

#include "ops/sampling.h"

// A fused multiply-add rounds once where Darknet rounds twice.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace pydarknet {

std::vector<Sample> samples(int from, int to, bool last_exact) {
  std::vector<Sample> result(to);
  const float scale = static_cast<float>(from - 1) / static_cast<float>(to - 1);
  for (int i = 0; i < to; ++i) {
    if (from == 1 || to == 1 || (last_exact && i == to - 1)) {
      result[i] = {from - 1, from - 1, 0.0f};
      continue;
    }
    const float at = static_cast<float>(i) * scale;
    const int first = std::min(static_cast<int>(at), from - 1);
    result[i] = {first, std::min(first + 1, from - 1), at - static_cast<float>(first)};
  }
  return result;
}

std::array<float, 256> unit_table() {
  std::array<float, 256> table{};
  for (int i = 0; i < 256; ++i) table[i] = static_cast<float>(i / 255.0);
  return table;
}

}  // namespace pydarknet
