// Windows of pooling and of filters, along one axis.
#pragma once
#include <cstdint>

#include "device.h"

namespace pydarknet {

struct Span {
  int begin, end;
};

// Window i begins at i * stride + offset; the offset is not above 0.
struct Windows {
  int size, stride, offset;

  // Positions inside the input that one window covers along one axis.
  __device__ Span covered(std::uint32_t index, int length) const {
    const int first = static_cast<int>(index) * stride + offset;
    return {min(max(first, 0), length), min(max(first + size, 0), length)};
  }
  // Those of `count` windows that cover a position.
  __device__ Span around(std::uint32_t position, int count) const {
    const int last = static_cast<int>(position) - offset, first = last - size + 1;
    return {first > 0 ? (first + stride - 1) / stride : 0, min(last / stride + 1, count)};
  }
};

}  // namespace pydarknet
