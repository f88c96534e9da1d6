// Losses of the images of a mini-batch: a block of threads for each, their statistics brought to the host.
#pragma once
#include <vector>

#include "cuda/block_team.h"
#include "ops/loss.h"
#include "ops/truths.h"

namespace pydarknet {

inline constexpr int kLossThreads = 256;

// What the kernel of a head with boxes needs: deltas and uses of 0, and room for the truths.
struct HeadScratch {
  Scratch<unsigned char> uses;
  Scratch<Truth> room;

  HeadScratch(const ConstPlain& output, const Truths& truths, const Plain& delta, int anchors, Stream stream)
      : uses(output.n * anchors * output.plane(), stream),
        room(std::int64_t{truths.images} * truths.most, stream) {
    set_zero(delta.data, static_cast<std::size_t>(delta.size()) * sizeof(float), stream);
    set_zero(uses.data(), static_cast<std::size_t>(output.n * anchors * output.plane()), stream);
  }
};

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

}  // namespace pydarknet
