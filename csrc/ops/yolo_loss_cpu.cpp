#include <algorithm>

#include "ops/image_losses.h"
#include "ops/yolo_image.h"

namespace pydarknet {

LossStatistics yolo_loss(ConstPlain output, const Truths& truths, Plain delta,
                         const YoloLossSettings& settings, const TruthRules& rules, Stream) {
  const float w = static_cast<float>(settings.net_w), h = static_cast<float>(settings.net_h);
  std::fill_n(delta.data, delta.size(), 0.0f);
  return for_images(output.n, [&](int image) {
    const BoxHead head = image_head(output, delta, image, settings.mask_count, w, h);
    std::vector<unsigned char> uses(static_cast<std::size_t>(head.boxes()), kNoObject);
    std::vector<Truth> room(static_cast<std::size_t>(truths.most));
    const TruthList list = read_truths(truths, image, rules, room.data(), Alone{});
    return YoloImage<Alone>(head, settings, rules, uses.data(), Alone{}).run(list);
  });
}

}  // namespace pydarknet
