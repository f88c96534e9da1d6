#include <algorithm>
#include <vector>

#include "cpu/lib/local_window.h"
#include "cpu/simd/vec.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

float dot(const float* a, const float* b, std::int64_t count) {
  Lanes parts[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * kBlock <= count; i += 4 * kBlock) {
    for (int part = 0; part < 4; ++part) {
      const std::int64_t at = i + part * kBlock;
      parts[part] += simd::load(a + at) * simd::load(b + at);
    }
  }
  const Lanes sum = (parts[0] + parts[1]) + (parts[2] + parts[3]);
  float total = 0;
  for (; i < count; ++i) total += a[i] * b[i];
  for (int lane = 0; lane < kBlock; ++lane) total += sum[lane];
  return total;
}

class Local {
 public:
  Local(ConstPlain x, const float* weights, const float* biases, Plain y, LocalShape shape)
      : x_(x),
        weights_(weights),
        biases_(biases),
        y_(y),
        shape_(shape),
        taps_(std::int64_t{x.c} * shape.kernel * shape.kernel) {}

  std::int64_t patches_size() const { return taps_ * x_.n; }

  void gather(std::int64_t location, float* patches) const {
    gather_patches(location, x_, y_, shape_, patches);
  }

  // One output of every image: the filter comes from memory once and is in cache for the others.
  void filter(std::int64_t location, int k, const float* patches) const {
    const float* weights = weights_ + (location * y_.c + k) * taps_;
    const std::int64_t at = k * y_.plane() + location;
    for (int image = 0; image < y_.n; ++image) {
      y_.data[image * y_.image() + at] = biases_[at] + dot(weights, patches + image * taps_, taps_);
    }
  }

 private:
  ConstPlain x_;
  const float *weights_, *biases_;
  Plain y_;
  LocalShape shape_;
  std::int64_t taps_;
};

}  // namespace

void local_forward(ConstPlain x, const float* weights, const float* biases, Plain y, LocalShape shape,
                   Activation activation, Stream stream) {
  const Local local(x, weights, biases, y, shape);
  // Threads split filters as well as locations, for a 1 x 1 map has one location only.
  const std::int64_t outputs = y.plane() * y.c, patches_size = local.patches_size();
  const int most = static_cast<int>(std::min<std::int64_t>(outputs, num_threads()));
  std::vector<float> scratch(static_cast<std::size_t>(most * patches_size));
  parallel_parts(most, [&](int part, int parts) {
    float* patches = scratch.data() + part * patches_size;
    const std::int64_t begin = part_begin(outputs, part, parts), end = part_begin(outputs, part + 1, parts);
    for (std::int64_t i = begin; i < end; ++i) {
      if (i == begin || i % y.c == 0) local.gather(i / y.c, patches);
      local.filter(i / y.c, static_cast<int>(i % y.c), patches);
    }
  });
  activate(y.data, y.data, y.size(), activation, stream);
}

}  // namespace pydarknet
