// Losses of the images of a mini-batch: a block of threads for each, their statistics brought to the host.
#pragma once
#include <vector>

#include "cuda/lib/thread_block.h"
#include "ops/loss.h"
#include "shared/box_head.h"
#include "shared/truths.h"

namespace pydarknet {

inline constexpr int kLossThreads = 256;

// Launches kernel(arguments..., sums) with a block for each image; gives the sum over the images. Waits.
template <class Kernel, class... A>
LossStatistics launch_losses(const char* op, Kernel kernel, std::int64_t images, Stream stream,
                             A... arguments) {
  const Scratch<LossStatistics> sums(images, stream);
  launch(op, kernel, static_cast<unsigned>(images), kLossThreads, 0, stream, arguments..., sums.data());
  std::vector<LossStatistics> host(static_cast<std::size_t>(images));
  if (images) copy_to_host(host.data(), sums.data(), host.size() * sizeof(LossStatistics), stream);
  return sum_of(host);
}

template <template <class> class Image, class Rules>
__global__ void __launch_bounds__(kLossThreads, 1)
    box_images(ConstPlain output, Truths truths, Plain delta, Rules rules, unsigned char* uses, Truth* room,
               LossStatistics* sums) {
  const int image = static_cast<int>(blockIdx.x);
  const ThreadBlock threads;
  const BoxHead head = rules.head(output, delta, image);
  const TruthList list =
      read_truths(truths, image, rules.truths, room + std::int64_t{image} * truths.most, threads);
  Image<ThreadBlock> one(head, rules, uses + image * head.boxes(), threads);
  const LossStatistics sum = one.run(list);
  if (threadIdx.x == 0) sums[image] = sum;
}

// Of a head with boxes: Image<Team> is the loss of one image by the rules, which know the head and its
// labels.
template <template <class> class Image, class Rules>
LossStatistics launch_box_losses(const char* op, const ConstPlain& output, const Truths& truths,
                                 const Plain& delta, const Rules& rules, int anchors, Stream stream) {
  const std::int64_t boxes = output.n * anchors * output.plane();
  const Scratch<unsigned char> uses(boxes, stream);
  const Scratch<Truth> room(std::int64_t{truths.images} * truths.most, stream);
  set_zero(delta.data, static_cast<std::size_t>(delta.size()) * sizeof(float), stream);
  set_zero(uses.data(), static_cast<std::size_t>(boxes), stream);
  return launch_losses(op, box_images<Image, Rules>, output.n, stream, output, truths, delta, rules,
                       uses.data(), room.data());
}

}  // namespace pydarknet
