#include <algorithm>

#include "cpu/lib/image_losses.h"
#include "shared/detection_image.h"

namespace pydarknet {

LossStatistics detection_loss(const float* output, const float* truth, float* delta, std::int64_t images,
                              const DetectionLossSettings& settings, Stream) {
  std::fill_n(delta, images * settings.inputs(), 0.0f);
  return for_images(images, [&](int image) {
    return DetectionImage(output, truth, delta, image, settings).run(OneThread{});
  });
}

}  // namespace pydarknet
