#include "cuda/lib/block_rank.h"
#include "ops/candidates.h"

namespace pydarknet {
namespace {

constexpr int kFindThreads = 256, kGatherThreads = 128;

// The k-th box of an image, counted in the order of the choice.
__device__ std::int64_t box_in_order(const HeadBoxes& head, const Choice& choice, std::int64_t k) {
  return choice.by_cell ? k % head.anchors * head.output.plane() + k / head.anchors : k;
}

__device__ bool is_chosen(const HeadBoxes& head, const Choice& choice, std::int64_t number) {
  if (choice.objectness < 0) return 1 > choice.thresh;
  return head.first_entry(number)[choice.objectness * head.output.plane()] > choice.thresh;
}

// A block of threads for each image, here and below.
__global__ void count_boxes(HeadBoxes head, Choice choice, std::int32_t* counts) {
  const std::int64_t boxes = head.boxes();
  for (int image = blockIdx.x; image < head.output.n; image += gridDim.x) {
    int count = 0;
    for (std::int64_t b = threadIdx.x; b < boxes; b += blockDim.x) {
      count += is_chosen(head, choice, image * boxes + b);
    }
    count = block_sum(count);
    if (threadIdx.x == 0) counts[image] = count;
  }
}

__global__ void list_boxes(HeadBoxes head, Choice choice, const std::int32_t* counts, std::int32_t* found,
                           std::int32_t* starts) {
  const std::int64_t boxes = head.boxes();
  for (int image = blockIdx.x; image < head.output.n; image += gridDim.x) {
    int begin = 0;
    for (int before = threadIdx.x; before < image; before += blockDim.x) begin += counts[before];
    begin = block_sum(begin);
    if (threadIdx.x == 0) {
      if (image == 0) starts[0] = 0;
      starts[image + 1] = begin + counts[image];
    }
    for (std::int64_t first = 0; first < boxes; first += blockDim.x) {
      const std::int64_t k = first + threadIdx.x, number = image * boxes + box_in_order(head, choice, k);
      const bool chosen = k < boxes && is_chosen(head, choice, number);
      int together;
      const int rank = block_rank(chosen, &together);
      if (chosen) found[begin + rank] = static_cast<std::int32_t>(number);
      begin += together;
    }
  }
}

// A block of threads for each box. On a device nobody has checked the numbers.
__global__ void gather_entries(HeadBoxes head, const std::int32_t* found, std::int64_t count, float* values) {
  const int entries = head.entries();
  const std::int64_t plane = head.output.plane();
  for (std::int64_t k = blockIdx.x; k < count; k += gridDim.x) {
    if (found[k] < 0 || found[k] >= head.all()) continue;
    const float* from = head.first_entry(found[k]);
    for (int e = threadIdx.x; e < entries; e += blockDim.x) values[k * entries + e] = from[e * plane];
  }
}

}  // namespace

void find_boxes(const HeadBoxes& head, Choice choice, std::int32_t* found, std::int32_t* starts,
                Stream stream) {
  constexpr const char* name = "find_boxes";
  const int images = head.output.n;
  if (images == 0) return set_zero(starts, sizeof *starts, stream);
  const Scratch<std::int32_t> counts(images, stream);
  const unsigned blocks = grid_for(images, 1);
  launch(name, count_boxes, blocks, kFindThreads, 0, stream, head, choice, counts.data());
  launch(name, list_boxes, blocks, kFindThreads, 0, stream, head, choice, counts.data(), found, starts);
}

void gather_boxes(const HeadBoxes& head, const std::int32_t* found, std::int64_t count, float* values,
                  Stream stream) {
  launch("gather_boxes", gather_entries, grid_for(count, 1), kGatherThreads, 0, stream, head, found, count,
         values);
}

}  // namespace pydarknet
