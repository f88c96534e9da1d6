#include "cpu/lib/image_losses.h"
#include "shared/yolo_image.h"

namespace pydarknet {

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream) {
  return box_losses<YoloImage>(output, truths, delta, YoloRules{settings, rules});
}

}  // namespace pydarknet
