#include "cpu/lib/image_losses.h"
#include "shared/region_image.h"

namespace pydarknet {

LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream) {
  const RegionRules all{shape, settings, tree ? *tree : ClassTree{}, rules};
  return box_losses<RegionImage>(output, truths, delta, all);
}

}  // namespace pydarknet
