#include "cuda/lib/pixels.h"
#include "ops/crop.h"

namespace pydarknet {
namespace {

struct Crop {
  ConstPlain x;
  Plain y;
  CropPlace place;
  float scale, shift;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int row = static_cast<int>(pixel / y.w) + place.top,
              step = static_cast<int>(pixel % y.w) + place.left;
    const int column = place.flip ? x.w - 1 - step : step;
    const float v = x.data[plane * x.plane() + std::int64_t{row} * x.w + column];
    y.data[plane * y.plane() + pixel] = v * scale + shift;
  }
};

}  // namespace

void crop_train(ConstPlain x, Plain y, CropPlace place, float scale, float shift, Stream stream) {
  for_pixels("crop_train", planes_of(y), pixels_of(y), stream, Crop{x, y, place, scale, shift});
}

void crop_forward(ConstPlain x, Plain y, float scale, float shift, Stream stream) {
  crop_train(x, y, {(x.h - y.h) / 2, (x.w - y.w) / 2, false}, scale, shift, stream);
}

}  // namespace pydarknet
