#include "cuda/lib/lanes.h"
#include "cuda/lib/pixels.h"
#include "ops/space_batch.h"

namespace pydarknet {
namespace {

struct SpaceToBatch {
  ConstTensor whole;
  Tensor parts;
  Parts cut;

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const int blocks = parts.blocks(), image = static_cast<int>(plane / blocks);
    const int part = image % cut.count();
    const std::int64_t row = std::int64_t{pixel / parts.w} * cut.every_y +
                             std::int64_t{part / cut.columns} * cut.step_y - cut.pad_y;
    const std::int64_t column = std::int64_t{pixel % parts.w} * cut.every_x +
                                std::int64_t{part % cut.columns} * cut.step_x - cut.pad_x;
    const bool inside = row >= 0 && row < whole.h && column >= 0 && column < whole.w;
    const float* from = whole.block(image / cut.count(), static_cast<int>(plane % blocks));
    store(parts.data + plane * parts.plane() + std::int64_t{pixel} * kBlock,
          inside ? load(from + (row * whole.w + column) * kBlock) : splat(0.0f));
  }
};

struct BatchToSpace {
  ConstTensor parts;
  Tensor whole;
  Parts cut;

  // The part and its pixel along one axis; the part is -1 if none has the place.
  struct Found {
    int part, pixel;
  };
  __device__ static Found find(std::int64_t place, int count, int every, int step, int length) {
    for (int a = 0; a < count; ++a) {
      const std::int64_t along = place - std::int64_t{step} * a;
      if (along >= 0 && along % every == 0 && along / every < length) {
        return {a, static_cast<int>(along / every)};
      }
    }
    return {-1, 0};
  }

  __device__ void operator()(std::int64_t plane, std::uint32_t pixel) const {
    const std::int64_t row = pixel / whole.w, column = pixel % whole.w;
    const Found y = find(row + cut.pad_y, cut.rows, cut.every_y, cut.step_y, parts.h);
    const Found x = find(column + cut.pad_x, cut.columns, cut.every_x, cut.step_x, parts.w);
    Lanes v = splat(0.0f);
    if (y.part >= 0 && x.part >= 0) {
      const int blocks = whole.blocks(), image = static_cast<int>(plane / blocks);
      const float* from =
          parts.block(image * cut.count() + y.part * cut.columns + x.part, static_cast<int>(plane % blocks));
      v = load(from + (std::int64_t{y.pixel} * parts.w + x.pixel) * kBlock);
    }
    store(whole.data + plane * whole.plane() + std::int64_t{pixel} * kBlock, v);
  }
};

}  // namespace

void space_to_batch(ConstTensor whole, Tensor parts, const Parts& cut, Stream stream) {
  for_pixels("space_to_batch", planes_of(parts), pixels_of(parts), stream, SpaceToBatch{whole, parts, cut});
}

void batch_to_space(ConstTensor parts, Tensor whole, const Parts& cut, Stream stream) {
  for_pixels("batch_to_space", planes_of(whole), pixels_of(whole), stream, BatchToSpace{parts, whole, cut});
}

}  // namespace pydarknet
