#include "cuda/lib/image_losses.h"
#include "shared/region_image.h"

namespace pydarknet {

LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream stream) {
  const RegionRules all{shape, settings, tree ? *tree : ClassTree{}, rules};
  return launch_box_losses<RegionImage>("region_loss", output, truths, delta, all, shape.anchors, stream);
}

}  // namespace pydarknet
