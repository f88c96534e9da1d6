#include "ops/space_batch.h"

#include <algorithm>

#include "cpu/simd/vec.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

// Pixels first + every * i of a line of `length` pixels, for i in [0, count): those with i in [begin, end)
// exist.
struct Line {
  std::int64_t first, every;
  int begin, end;

  Line(std::int64_t first, int every, int count, int length) : first(first), every(every) {
    begin = static_cast<int>(
        std::clamp<std::int64_t>((std::max<std::int64_t>(-first, 0) + every - 1) / every, 0, count));
    end = static_cast<int>(std::clamp<std::int64_t>((length - first + every - 1) / every, begin, count));
  }
  std::int64_t at(int i) const { return (first + every * i) * kBlock; }
};

void zeros(float* from, float* to) { std::fill(from, to, 0.0f); }

Line columns_of(const Parts& cut, int b, int parts_w, int whole_w) {
  return Line(std::int64_t{cut.step_x} * b - cut.pad_x, cut.every_x, parts_w, whole_w);
}

}  // namespace

void space_to_batch(ConstTensor whole, Tensor parts, const Parts& cut, Stream) {
  const int blocks = parts.blocks(), h = parts.h, w = parts.w;
  parallel_for(std::int64_t{parts.n} * blocks * h, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const int image = static_cast<int>(i / h / blocks), part = image % cut.count();
      const std::int64_t row =
          i % h * cut.every_y + std::int64_t{part / cut.columns} * cut.step_y - cut.pad_y;
      float* const to = parts.data + i * w * kBlock;
      if (row < 0 || row >= whole.h) {
        zeros(to, to + std::int64_t{w} * kBlock);
        continue;
      }
      const Line line = columns_of(cut, part % cut.columns, w, whole.w);
      const float* const from =
          whole.block(image / cut.count(), static_cast<int>(i / h % blocks)) + row * whole.w * kBlock;
      zeros(to, to + std::int64_t{line.begin} * kBlock);
      for (int j = line.begin; j < line.end; ++j) {
        simd::store(to + std::int64_t{j} * kBlock, simd::load(from + line.at(j)));
      }
      zeros(to + std::int64_t{line.end} * kBlock, to + std::int64_t{w} * kBlock);
    }
  });
}

void batch_to_space(ConstTensor parts, Tensor whole, const Parts& cut, Stream) {
  const int blocks = whole.blocks(), h = whole.h;
  parallel_for(std::int64_t{whole.n} * blocks * h, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      float* const to = whole.data + i * whole.w * kBlock;
      zeros(to, to + std::int64_t{whole.w} * kBlock);
      for (int a = 0; a < cut.rows; ++a) {
        const std::int64_t along = i % h + cut.pad_y - std::int64_t{cut.step_y} * a,
                           row = along / cut.every_y;
        if (along < 0 || along % cut.every_y != 0 || row >= parts.h) continue;
        for (int b = 0; b < cut.columns; ++b) {
          const int image = static_cast<int>(i / h / blocks) * cut.count() + a * cut.columns + b;
          const float* const from =
              parts.block(image, static_cast<int>(i / h % blocks)) + row * parts.w * kBlock;
          const Line line = columns_of(cut, b, parts.w, whole.w);
          for (int j = line.begin; j < line.end; ++j) {
            simd::store(to + line.at(j), simd::load(from + std::int64_t{j} * kBlock));
          }
        }
      }
    }
  });
}

}  // namespace pydarknet
