// Where the kernel of one location of a locally connected layer lies in the input.
#pragma once
#include <algorithm>

#include "ops/local.h"

namespace pydarknet {

class LocalWindow {
 public:
  // x has the size of the input, y of the output; `location` counts y's pixels.
  LocalWindow(std::int64_t location, ConstPlain x, ConstPlain y, LocalShape shape)
      : top_(location / y.w * shape.stride - shape.pad),
        left_(location % y.w * shape.stride - shape.pad),
        kernel_(shape.kernel),
        w_(x.w),
        first_row_(inside(top_, x.h)),
        last_row_(inside(top_ + kernel_, x.h)),
        first_(inside(left_, x.w)),
        last_(inside(left_ + kernel_, x.w)) {}

  // Calls work(offset in the plane, offset in the kernel, count) for each of the kernel's rows inside x.
  template <class F>
  void rows(F work) const {
    for (std::int64_t r = first_row_; r < last_row_; ++r) {
      work(r * w_ + first_, (r - top_) * kernel_ + first_ - left_, last_ - first_);
    }
  }

 private:
  static std::int64_t inside(std::int64_t at, int length) { return std::clamp<std::int64_t>(at, 0, length); }

  std::int64_t top_, left_, kernel_, w_, first_row_, last_row_, first_, last_;
};

// What one location sees of all images, in the order of the weights; 0 outside x.
inline void gather_patches(std::int64_t location, ConstPlain x, ConstPlain y, LocalShape shape,
                           float* patches) {
  const LocalWindow window(location, x, y, shape);
  const std::int64_t planes = std::int64_t{x.n} * x.c, taps = std::int64_t{shape.kernel} * shape.kernel;
  std::fill_n(patches, planes * taps, 0.0f);
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    window.rows([&](std::int64_t from, std::int64_t to, std::int64_t count) {
      std::copy_n(x.data + plane * x.plane() + from, count, patches + plane * taps + to);
    });
  }
}

}  // namespace pydarknet
