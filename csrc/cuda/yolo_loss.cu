#include "cuda/lib/image_losses.h"
#include "shared/gaussian_image.h"
#include "shared/yolo_image.h"

namespace pydarknet {

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream stream) {
  const YoloRules both{settings, rules};
  return settings.gaussian.counts ? launch_box_losses<GaussianImage>("yolo_loss", output, truths, delta, both,
                                                                     settings.mask_count, stream)
                                  : launch_box_losses<YoloImage>("yolo_loss", output, truths, delta, both,
                                                                 settings.mask_count, stream);
}

}  // namespace pydarknet
