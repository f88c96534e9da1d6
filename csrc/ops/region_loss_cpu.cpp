#include <algorithm>

#include "ops/image_losses.h"
#include "ops/region_image.h"

namespace pydarknet {

LossStatistics region_loss(ConstPlain output, const Truths& truths, Plain delta, RegionShape shape,
                           const RegionLossSettings& settings, const ClassTree* tree, const TruthRules& rules,
                           Stream) {
  const RegionRules all{shape, settings, tree ? *tree : ClassTree{}, rules};
  const float w = static_cast<float>(output.w), h = static_cast<float>(output.h);
  std::fill_n(delta.data, delta.size(), 0.0f);
  return for_images(output.n, [&](int image) {
    const BoxHead head = image_head(output, delta, image, shape.anchors, w, h);
    std::vector<unsigned char> uses(static_cast<std::size_t>(head.boxes()), kNoObject);
    std::vector<Truth> room(static_cast<std::size_t>(truths.most));
    const TruthList list = read_truths(truths, image, rules, room.data(), Alone{});
    return RegionImage<Alone>(head, all, uses.data(), Alone{}).run(list);
  });
}

}  // namespace pydarknet
