// Products of one warp, each number put into its fragment by hand, as kernels do.
#include "device.h"

namespace {

using namespace pydarknet;

// a (16, 8), b (8, 8), c (16, 8), by rows. `shift` is a mistake in the index of b.
__global__ void tf32_product(const float* a, const float* b, float* c, int shift) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  const std::uint32_t fa[4] = {to_tf32(a[g * 8 + t]), to_tf32(a[(g + 8) * 8 + t]), to_tf32(a[g * 8 + t + 4]),
                               to_tf32(a[(g + 8) * 8 + t + 4])};
  const int row = (t + shift) % 4;
  const std::uint32_t fb[2] = {to_tf32(b[row * 8 + g]), to_tf32(b[(row + 4) * 8 + g])};
  float d[4] = {};
  mma_tf32(d, fa, fb);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

template <bool kHalf>
__device__ std::uint32_t pack(float lo, float hi) {
  return kHalf ? pack_half2(lo, hi) : pack_bf162(lo, hi);
}

// a (16, 16), b (16, 8), c (16, 8), by rows.
template <bool kHalf>
__global__ void half_product(const float* a, const float* b, float* c, int shift) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  std::uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) {
    const float* pair = a + (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    fa[i] = pack<kHalf>(pair[0], pair[1]);
  }
  for (int i = 0; i < 2; ++i) {
    const float* column = b + (2 * ((t + shift) % 4) + i * 8) * 8 + g;
    fb[i] = pack<kHalf>(column[0], column[8]);
  }
  float d[4] = {};
  if (kHalf) {
    mma_f16(d, fa, fb);
  } else {
    mma_bf16(d, fa, fb);
  }
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = d[i];
}

// Words of to_tf32, pack_half2(x, 0) and pack_bf162(x, 0), and back as floats.
__global__ void roundings(const float* x, float* tf32, float* half, float* bfloat, int n) {
  const int i = static_cast<int>(global_thread());
  if (i >= n) return;
  tf32[i] = __uint_as_float(to_tf32(x[i]));
  half[i] = unpack_half2(pack_half2(x[i], 0)).x;
  bfloat[i] = unpack_bf162(pack_bf162(0, x[i])).y;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void multiply(const char* format, const float* a, const float* b, float* c, int shift) {
  const auto kernel = format[0] == 't'   ? tf32_product
                      : format[0] == 'h' ? half_product<true>
                                         : half_product<false>;
  const int depth = format[0] == 't' ? 8 : 16;
  emu::start_call();
  emu::note_array("a", a, 16 * depth * sizeof(float), false);
  emu::note_array("b", b, depth * 8 * sizeof(float), false);
  emu::note_array("c", c, 16 * 8 * sizeof(float), true);
  launch(format, kernel, 1, 32, 0, Stream{}, a, b, c, shift);
  emu::end_call();
}

EXPORT void round_all(const float* x, float* tf32, float* half, float* bfloat, int n) {
  emu::start_call();
  emu::note_array("x", x, n * sizeof(float), false);
  for (float* y : {tf32, half, bfloat}) emu::note_array("y", y, n * sizeof(float), true);
  launch("roundings", roundings, grid_for(n), 256, 0, Stream{}, x, tf32, half, bfloat, n);
  emu::end_call();
}
