#include "ops/candidates.h"

#include <algorithm>

#include "shared/threads.h"

namespace pydarknet {
namespace {

// A tile of values: read plane by plane, written box by box, a cache line each.
constexpr std::int64_t kTileBoxes = 32;
constexpr int kTileEntries = 16;

// look(anchor, cell) for all boxes of an image, in the order of the choice.
template <class Look>
void each_box(const HeadBoxes& head, bool by_cell, Look look) {
  const std::int64_t plane = head.output.plane();
  const std::int64_t outer = by_cell ? plane : head.anchors, inner = by_cell ? head.anchors : plane;
  for (std::int64_t i = 0; i < outer; ++i)
    for (std::int64_t j = 0; j < inner; ++j) by_cell ? look(j, i) : look(i, j);
}

// to[k * entries + e] = entry first + e of box k.
void copy_tile(const float* const* from, std::int64_t boxes, std::int64_t plane, int first, int together,
               float* to, int entries) {
  float tile[kTileBoxes][kTileEntries];
  for (int e = 0; e < together; ++e)
    for (std::int64_t k = 0; k < boxes; ++k) tile[k][e] = from[k][(first + e) * plane];
  for (std::int64_t k = 0; k < boxes; ++k) std::copy_n(tile[k], together, to + k * entries);
}

}  // namespace

void find_boxes(const HeadBoxes& head, Choice choice, std::int32_t* found, std::int32_t* starts, Stream) {
  const std::int64_t plane = head.output.plane(), next = head.entries() * plane;
  const bool every = choice.objectness < 0 && 1 > choice.thresh;
  if (choice.objectness < 0 && !every) {
    std::fill_n(starts, head.output.n + 1, 0);
    return;
  }
  std::int32_t count = starts[0] = 0;
  for (int image = 0; image < head.output.n; ++image) {
    const float* objectness =
        head.first_entry(image * head.boxes()) + (every ? 0 : choice.objectness) * plane;
    const std::int64_t first = image * head.boxes();
    each_box(head, choice.by_cell, [&](std::int64_t anchor, std::int64_t cell) {
      if (every || objectness[anchor * next + cell] > choice.thresh)
        found[count++] = static_cast<std::int32_t>(first + anchor * plane + cell);
    });
    starts[image + 1] = count;
  }
}

void gather_boxes(const HeadBoxes& head, const std::int32_t* found, std::int64_t count, float* values,
                  Stream) {
  const int entries = head.entries();
  const std::int64_t plane = head.output.plane();
  parallel_for(count, 8, [&](std::int64_t begin, std::int64_t end) {
    const float* from[kTileBoxes];
    for (; begin < end; begin += kTileBoxes) {
      const std::int64_t some = std::min(kTileBoxes, end - begin);
      for (std::int64_t k = 0; k < some; ++k) from[k] = head.first_entry(found[begin + k]);
      for (int first = 0; first < entries; first += kTileEntries) {
        const int together = std::min(kTileEntries, entries - first);
        copy_tile(from, some, plane, first, together, values + begin * entries + first, entries);
      }
    }
  });
}

}  // namespace pydarknet
