#include "ops/candidates.h"
#include "threads.h"

namespace pydarknet {

void find_boxes(const HeadBoxes& head, Choice choice, std::int32_t* found, std::int32_t* starts, Stream) {
  const std::int64_t boxes = head.boxes();
  std::int32_t count = starts[0] = 0;
  for (int image = 0; image < head.output.n; ++image) {
    for (std::int64_t k = 0; k < boxes; ++k) {
      const std::int64_t number = image * boxes + box_in_order(head, choice, k);
      if (is_chosen(head, choice, number)) found[count++] = static_cast<std::int32_t>(number);
    }
    starts[image + 1] = count;
  }
}

void gather_boxes(const HeadBoxes& head, const std::int32_t* found, std::int64_t count, float* values,
                  Stream) {
  const int entries = head.entries();
  const std::int64_t plane = head.output.plane();
  parallel_for(count, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const float* from = head.first_entry(found[k]);
      for (int e = 0; e < entries; ++e) values[k * entries + e] = from[e * plane];
    }
  });
}

}  // namespace pydarknet
