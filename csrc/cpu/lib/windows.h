// Windows of pooling, along one axis.
#pragma once
#include <algorithm>
#include <cstdint>

namespace pydarknet {

// Positions inside the input that one window covers. `padding` is Darknet's total.
struct Span {
  int begin, end;
  Span(int index, int size, int stride, int padding, int length) {
    const std::int64_t first = std::int64_t{index} * stride - padding / 2;
    begin = static_cast<int>(std::clamp<std::int64_t>(first, 0, length));
    end = static_cast<int>(std::clamp<std::int64_t>(first + size, 0, length));
  }
  int count() const { return end - begin; }
};

}  // namespace pydarknet
