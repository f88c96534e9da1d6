#include "cuda/lib/flat.h"
#include "ops/dropout.h"

namespace pydarknet {
namespace {

struct Dropout {
  const float* x;
  const std::uint8_t* mask;
  float* y;
  float scale;
  bool accumulate;

  // Dropped numbers become 0 even where they are infinite.
  __device__ float kept(float v, unsigned keep) const { return keep ? v * scale : 0.0f; }
  __device__ Lanes kept(FourFloats at) const {
    const Lanes v = at.load(x);
    const unsigned keep = *reinterpret_cast<const unsigned*>(mask + at.i);
    return make_float4(kept(v.x, keep & 0xff), kept(v.y, keep & 0xff00), kept(v.z, keep & 0xff0000),
                       kept(v.w, keep & 0xff000000));
  }
  __device__ float kept(OneFloat at) const { return kept(at.load(x), mask[at.i]); }

  template <class At>
  __device__ void operator()(At at) const {
    const auto v = kept(at);
    at.store(y, accumulate ? at.load(y) + v : v);
  }
};

}  // namespace

void dropout_forward(const float* x, const std::uint8_t* mask, float* y, std::int64_t count, float scale,
                     Stream stream) {
  for_flat("dropout_forward", count, stream, Dropout{x, mask, y, scale, false}, x, mask, y);
}

void dropout_backward(const float* dy, const std::uint8_t* mask, float* dx, std::int64_t count, float scale,
                      bool accumulate, Stream stream) {
  for_flat("dropout_backward", count, stream, Dropout{dy, mask, dx, scale, accumulate}, dy, mask, dx);
}

}  // namespace pydarknet
