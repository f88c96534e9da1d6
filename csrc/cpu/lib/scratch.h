// Where a call's threads find room in its workspace, which is the same array for all layers of a network.
// What all of them read lies in one half, what a thread has for itself in its share of the other, which is
// the same whatever sizes these have: so its memory stays in its own core's caches from layer to layer. To
// write what another core has read takes five times as long where the two have no cache in common.
#pragma once
#include <algorithm>
#include <cstdint>

namespace pydarknet {

// Sizes are in elements.
template <class T>
class Scratch {
  static constexpr std::int64_t kLine = 64 / sizeof(T);  // of a cache line

 public:
  // Of a workspace that has room for `common` elements, and `own` ones for each thread.
  static std::int64_t size(std::int64_t common, std::int64_t own, int threads) {
    if (threads == 1) return whole(common) + own;
    return 2 * std::max(whole(common), threads * whole(own));
  }

  Scratch(T* workspace, std::int64_t size, std::int64_t common, int threads)
      : common_(workspace),
        own_(workspace + (threads == 1 ? whole(common) : lines(size / 2))),
        stride_(lines(size / 2 / threads)) {}

  T* common() const { return common_; }
  T* own(int part) const { return own_ + part * stride_; }

 private:
  static std::int64_t lines(std::int64_t count) { return count / kLine * kLine; }
  static std::int64_t whole(std::int64_t count) { return lines(count + kLine - 1); }

  T* const common_;
  T* const own_;
  const std::int64_t stride_;
};

}  // namespace pydarknet
