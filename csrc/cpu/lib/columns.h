// For ops that look along the channels of plain activations: one register of neighbouring pixels at a time.
#pragma once
#include <algorithm>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {

// `count` <= kBlock pixels; loads fill the lanes past them with zeros, stores leave what lies there alone.
struct Column {
  std::int64_t image, first;
  int count;

  simd::Lanes load(const float* from) const {
    return count == kBlock ? simd::load(from) : simd::load_first(from, count);
  }
  void store(float* to, simd::Lanes v) const {
    if (count == kBlock) {
      simd::store(to, v);
    } else {
      simd::store_first(to, v, count);
    }
  }
};

// Calls work(Column) for all pixels of all images, in parallel.
template <class F>
void for_columns(std::int64_t images, std::int64_t pixels, F work) {
  const std::int64_t columns = (pixels + kBlock - 1) / kBlock;
  parallel_for(images * columns, 2, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % columns * kBlock;
      work(Column{i / columns, first, static_cast<int>(std::min<std::int64_t>(kBlock, pixels - first))});
    }
  });
}

}  // namespace pydarknet
