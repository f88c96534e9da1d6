// The sum of two layers in bytes.
#include <algorithm>

#include "ops/cpu/int8.h"
#include "shared/threads.h"

namespace pydarknet {

void int8_add(const Int8Term& a, const Int8Term& b, Bytes y, int shift, int zero) {
  const int half = 1 << (shift - 1);
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row = std::int64_t{y.w} * kByteBlock;
    const std::uint8_t *first = a.x.data, *second = b.x.data;
    for (std::int64_t i = begin * row; i < end * row; ++i) {
      const int sum = (first[i] - a.zero) * a.factor + (second[i] - b.zero) * b.factor + half;
      y.data[i] = static_cast<std::uint8_t>(std::clamp((sum >> shift) + zero, 0, 255));
    }
  });
}

}  // namespace pydarknet
