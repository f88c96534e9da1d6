// What transforms read and write soon, beyond the second-level cache: asked for while a group is multiplied,
// which leaves the way there idle.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "cpu/lib/sizes.h"
#include "cpu/simd/microkernel.h"

namespace pydarknet::winograd {

class Wanted {
 public:
  void add(const float* from, std::int64_t floats) {
    stretches_.push_back({from, floats});
    floats_ += floats;
  }

  // All that was added is asked for in so many parts, a stretch in whole ones.
  void set_parts(std::int64_t parts) {
    const auto stretches = static_cast<std::int64_t>(stretches_.size());
    part_ = whole_lines(floats_ / std::max(parts - stretches, parts / 2 + 1) + 1);
  }

  // The next part, in so many steps; nothing, at `none`, after the last one.
  simd::Ahead take(std::int64_t steps, const float* none) {
    if (next_ == stretches_.size()) return {none, 0};
    Stretch& s = stretches_[next_];
    const simd::Ahead asked = simd::ahead(s.from, std::min(part_, s.floats), steps);
    s.from += part_;
    s.floats -= part_;
    if (s.floats <= 0) ++next_;
    return asked;
  }

 private:
  struct Stretch {
    const float* from;
    std::int64_t floats;
  };
  std::vector<Stretch> stretches_;
  std::size_t next_ = 0;
  std::int64_t floats_ = 0, part_ = 0;
};

}  // namespace pydarknet::winograd
