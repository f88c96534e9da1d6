#include "cuda/image_losses.h"
#include "ops/region_image.h"

namespace pydarknet {
namespace {

__global__ void __launch_bounds__(kLossThreads, 1)
    region_images(ConstPlain output, Truths truths, Plain delta, RegionRules rules, unsigned char* uses,
                  Truth* room, LossStatistics* sums) {
  const int image = static_cast<int>(blockIdx.x);
  const BlockTeam team;
  const BoxHead head = image_head(output, delta, image, rules.shape.anchors, static_cast<float>(output.w),
                                  static_cast<float>(output.h));
  const TruthList list =
      read_truths(truths, image, rules.truths, room + std::int64_t{image} * truths.most, team);
  RegionImage<BlockTeam> one(head, rules, uses + image * head.boxes(), team);
  const LossStatistics sum = one.run(list);
  if (threadIdx.x == 0) sums[image] = sum;
}

}  // namespace

LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream stream) {
  const RegionRules all{shape, settings, tree ? *tree : ClassTree{}, rules};
  const HeadScratch scratch(output, truths, delta, shape.anchors, stream);
  return launch_losses("region_loss", region_images, output.n, stream, output, truths, delta, all,
                       scratch.uses.data(), scratch.room.data());
}

}  // namespace pydarknet
