#include "cuda/lib/image_losses.h"
#include "shared/detection_image.h"

namespace pydarknet {
namespace {

__global__ void __launch_bounds__(kLossThreads, 1)
    detection_images(const float* output, const float* truth, float* delta, DetectionLossSettings settings,
                     LossStatistics* sums) {
  const LossStatistics sum = DetectionImage(output, truth, delta, blockIdx.x, settings).run(ThreadBlock{});
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

}  // namespace

LossStatistics detection_loss(const float* output, const float* truth, float* delta, std::int64_t images,
                              const DetectionLossSettings& settings, Stream stream) {
  set_zero(delta, static_cast<std::size_t>(images * settings.inputs()) * sizeof(float), stream);
  return launch_losses("detection_loss", detection_images, images, stream, output, truth, delta, settings);
}

}  // namespace pydarknet
