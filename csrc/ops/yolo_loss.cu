#include "cuda/image_losses.h"
#include "ops/yolo_image.h"

namespace pydarknet {
namespace {

__global__ void __launch_bounds__(kLossThreads, 1)
    yolo_images(ConstPlain output, Truths truths, Plain delta, YoloLossSettings settings, TruthRules rules,
                unsigned char* uses, Truth* room, LossStatistics* sums) {
  const int image = static_cast<int>(blockIdx.x);
  const BlockTeam team;
  const BoxHead head = image_head(output, delta, image, settings.mask_count,
                                  static_cast<float>(settings.net_w), static_cast<float>(settings.net_h));
  const TruthList list = read_truths(truths, image, rules, room + std::int64_t{image} * truths.most, team);
  YoloImage<BlockTeam> one(head, settings, rules, uses + image * head.boxes(), team);
  const LossStatistics sum = one.run(list);
  if (threadIdx.x == 0) sums[image] = sum;
}

}  // namespace

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream stream) {
  const HeadScratch scratch(output, truths, delta, settings.mask_count, stream);
  return launch_losses("yolo_loss", yolo_images, output.n, stream, output, truths, delta, settings, rules,
                       scratch.uses.data(), scratch.room.data());
}

}  // namespace pydarknet
