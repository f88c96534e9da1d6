// Losses of the images of a mini-batch, side by side on the CPU.
#pragma once
#include <vector>

#include "ops/loss.h"
#include "threads.h"

namespace pydarknet {

// The sum of loss(image) over all images.
template <class F>
LossStatistics for_images(std::int64_t images, F&& loss) {
  std::vector<LossStatistics> sums(static_cast<std::size_t>(images));
  parallel_for(images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      sums[static_cast<std::size_t>(image)] = loss(static_cast<int>(image));
    }
  });
  return sum_of(sums);
}

}  // namespace pydarknet
