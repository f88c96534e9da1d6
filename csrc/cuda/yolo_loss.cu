#include "cuda/lib/image_losses.h"
#include "shared/yolo_image.h"

namespace pydarknet {

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream stream) {
  return launch_box_losses<YoloImage>("yolo_loss", output, truths, delta, YoloRules{settings, rules},
                                      settings.mask_count, stream);
}

}  // namespace pydarknet
