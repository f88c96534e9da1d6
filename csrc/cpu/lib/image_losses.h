// Losses of the images of a mini-batch, side by side on the CPU.
#pragma once
#include <algorithm>
#include <vector>

#include "shared/box_head.h"
#include "shared/thread_group.h"
#include "shared/threads.h"
#include "shared/truths.h"

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

// Of a head with boxes: Image<Team> is the loss of one image by the rules, which know the head and its
// labels.
template <template <class> class Image, class Rules>
LossStatistics box_losses(const ConstPlain& output, const Truths& truths, const Plain& delta,
                          const Rules& rules) {
  std::fill_n(delta.data, delta.size(), 0.0f);
  return for_images(output.n, [&](int image) {
    const BoxHead head = rules.head(output, delta, image);
    std::vector<unsigned char> uses(static_cast<std::size_t>(head.boxes()), kNoObject);
    std::vector<Truth> room(static_cast<std::size_t>(truths.most));
    const TruthList list = read_truths(truths, image, rules.truths, room.data(), OneThread{});
    return Image<OneThread>(head, rules, uses.data(), OneThread{}).run(list);
  });
}

}  // namespace pydarknet
