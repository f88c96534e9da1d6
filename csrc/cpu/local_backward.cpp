#include <vector>

#include "cpu/lib/flat.h"
#include "cpu/lib/local_window.h"

namespace pydarknet {
namespace {

// y += factor * x.
void add_scaled(const float* x, float factor, float* y, std::int64_t count) {
  const auto work = [&](auto at) { at.store(y, at.load(y) + factor * at.load(x)); };
  for_lanes(0, count, work);
}

// Threads split the filters of all locations, as in the forward step.
void weight_gradients(ConstPlain x, ConstPlain dy, float* dweights, float* dbiases, LocalShape shape) {
  const std::int64_t taps = std::int64_t{x.c} * shape.kernel * shape.kernel, outputs = dy.plane() * dy.c;
  const int most = static_cast<int>(std::min<std::int64_t>(outputs, num_threads()));
  std::vector<float> scratch(static_cast<std::size_t>(most * taps * x.n));
  parallel_parts(most, [&](int part, int parts) {
    float* patches = scratch.data() + part * taps * x.n;
    const std::int64_t begin = part_begin(outputs, part, parts), end = part_begin(outputs, part + 1, parts);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t location = i / dy.c, at = i % dy.c * dy.plane() + location;
      if (i == begin || i % dy.c == 0) gather_patches(location, x, dy, shape, patches);
      for (int image = 0; image < dy.n; ++image) {
        const float gradient = dy.data[image * dy.image() + at];
        dbiases[at] += gradient;
        add_scaled(patches + image * taps, gradient, dweights + i * taps, taps);
      }
    }
  });
}

// Threads split dx's channels: what locations add to one pixel meets in one thread, always in the same order.
void data_gradients(const float* weights, ConstPlain dy, Plain dx, LocalShape shape) {
  const std::int64_t kernel = std::int64_t{shape.kernel} * shape.kernel, taps = dx.c * kernel;
  std::vector<float> scratch(static_cast<std::size_t>(taps * dx.n));
  parallel_for(dx.c, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t mine = (end - begin) * kernel;
    float* patches = scratch.data() + begin * kernel * dx.n;
    for (std::int64_t location = 0; location < dy.plane(); ++location) {
      std::fill_n(patches, mine * dx.n, 0.0f);
      for (int k = 0; k < dy.c; ++k) {
        const float* filter = weights + (location * dy.c + k) * taps + begin * kernel;
        for (int image = 0; image < dx.n; ++image) {
          add_scaled(filter, dy.channel(image, k)[location], patches + image * mine, mine);
        }
      }
      const LocalWindow window(location, dx, dy, shape);
      for (int image = 0; image < dx.n; ++image) {
        for (std::int64_t c = begin; c < end; ++c) {
          const float* patch = patches + image * mine + (c - begin) * kernel;
          float* plane = dx.channel(image, static_cast<int>(c));
          window.rows([&](std::int64_t to, std::int64_t from, std::int64_t count) {
            for (std::int64_t i = 0; i < count; ++i) plane[to + i] += patch[from + i];
          });
        }
      }
    }
  });
}

}  // namespace

void local_backward(ConstPlain x, const float* weights, ConstPlain dy, LocalGradients gradients,
                    LocalShape shape, Stream) {
  weight_gradients(x, dy, gradients.dweights, gradients.dbiases, shape);
  const Plain dx = gradients.dx;
  if (!dx.data) return;
  if (!gradients.accumulate) std::fill_n(dx.data, dx.size(), 0.0f);
  data_gradients(weights, dy, dx, shape);
}

}  // namespace pydarknet
