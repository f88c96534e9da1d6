#include "cpu/lib/image_losses.h"
#include "shared/gaussian_image.h"
#include "shared/yolo_image.h"

namespace pydarknet {

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream) {
  const YoloRules both{settings, rules};
  return settings.gaussian.counts ? box_losses<GaussianImage>(output, truths, delta, both)
                                  : box_losses<YoloImage>(output, truths, delta, both);
}

}  // namespace pydarknet
