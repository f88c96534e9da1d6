#include "ops/shortcut.h"

#include <algorithm>
#include <cstring>

#include "cpu/lib/accumulate.h"
#include "cpu/lib/flat.h"
#include "cpu/simd/math.h"

namespace pydarknet {
namespace {

using simd::IntLanes;
using simd::Lanes;

// Lanes below `count` are -1, the others 0.
IntLanes first_lanes(int count) {
  IntLanes mask;
  for (int i = 0; i < kBlock; ++i) mask[i] = i < count ? -1 : 0;
  return mask;
}

// How pixels of x and add meet along one axis.
struct Meeting {
  int count, x_step, add_step;
  Meeting(int x, int add)
      : count(std::min(x, add)),
        x_step(x > add && add > 0 ? x / add : 1),
        add_step(add > x && x > 0 ? add / x : 1) {}
};

}  // namespace

void shortcut_forward(ConstTensor x, ConstTensor add, Tensor y, int channels_x, int channels_add, float alpha,
                      float beta, Stream) {
  const Meeting rows(x.h, add.h), columns(x.w, add.w);
  const int shared = std::min(channels_x, channels_add);
  const std::int64_t row = std::int64_t{x.w} * kBlock, x_step = std::int64_t{columns.x_step} * kBlock,
                     add_step = std::int64_t{columns.add_step} * kBlock;
  const auto add_row = [&](int image, int block, int i, const float* from, float* to) {
    const IntLanes both = first_lanes(shared - block * kBlock);
    const float* other = add.block(image, block) + std::int64_t{i} * rows.add_step * add.w * kBlock;
    for (int j = 0; j < columns.count; ++j) {
      const Lanes v = simd::load(from + j * x_step);
      simd::store(to + j * x_step, both ? alpha * v + beta * simd::load(other + j * add_step) : v);
    }
  };
  const bool everywhere = columns.x_step == 1 && columns.count == x.w;
  parallel_for(std::int64_t{x.n} * x.blocks() * x.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const int i = static_cast<int>(r % x.h), block = static_cast<int>(r / x.h % x.blocks());
      const int image = static_cast<int>(r / x.h / x.blocks());
      const float* from = x.data + r * row;
      float* to = y.data + r * row;
      const bool meets = block * kBlock < shared && i % rows.x_step == 0 && i / rows.x_step < rows.count;
      if (to != from && !(meets && everywhere))
        std::memcpy(to, from, static_cast<std::size_t>(row) * sizeof(float));
      if (meets) add_row(image, block, i / rows.x_step, from, to);
    }
  });
}

namespace {

// dadd's pixels that have no partner get nothing.
void add_gradient(ConstTensor dy, Tensor dadd, int shared, float beta, bool accumulate) {
  const Meeting rows(dy.h, dadd.h), columns(dy.w, dadd.w);
  const std::int64_t row = std::int64_t{dadd.w} * kBlock;
  parallel_for(std::int64_t{dadd.n} * dadd.blocks() * dadd.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const int i = static_cast<int>(r % dadd.h), block = static_cast<int>(r / dadd.h % dadd.blocks());
      const int image = static_cast<int>(r / dadd.h / dadd.blocks());
      float* to = dadd.data + r * row;
      if (!accumulate) std::fill_n(to, row, 0.0f);
      if (block * kBlock >= shared || i % rows.add_step || i / rows.add_step >= rows.count) continue;
      const int lanes = std::min(kBlock, shared - block * kBlock);
      const std::int64_t dy_row = std::int64_t{i / rows.add_step} * rows.x_step * dy.w * kBlock;
      const float* from = dy.block(image, block) + dy_row;
      for (int j = 0; j < columns.count; ++j) {
        const Lanes v = simd::load(from + std::int64_t{j} * columns.x_step * kBlock) * beta;
        put(to + std::int64_t{j} * columns.add_step * kBlock, simd::first_lanes(v, lanes), true);
      }
    }
  });
}

}  // namespace

void shortcut_backward(ConstTensor dy, ShortcutGradients gradients, int channels_x, int channels_add,
                       float alpha, float beta, Stream) {
  // The partner goes first, for dx may be dy.
  if (gradients.dadd.data) {
    add_gradient(dy, gradients.dadd, std::min(channels_x, channels_add), beta, gradients.accumulate_add);
  }
  float* dx = gradients.dx.data;
  if (!dx || (dx == dy.data && alpha == 1.0f && !gradients.accumulate_x)) return;
  for_flat(dy.size(), [&](auto at) {
    const Lanes v = at.load(dy.data) * alpha;
    at.store(dx, gradients.accumulate_x ? at.load(dx) + v : v);
  });
}

}  // namespace pydarknet
