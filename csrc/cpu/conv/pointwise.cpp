// A sum goes channel by channel from the bias on, as in simd/microkernel.h. There the weights are packed;
// here squares of them are transposed on the way to the registers: each is wanted by a few pixels at most,
// while packing them all would read and write every one.
#include "ops/pointwise.h"

#include <algorithm>
#include <cfloat>

#include "cpu/simd/math.h"
#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

constexpr int kTogether = 8;  // pixels that share a square of weights

// The rows of kBlock filters from `first` on; past the end of the run the last one again.
struct Rows {
  const float* at[kBlock];

  Rows(const float* weights, std::int64_t first, std::int64_t size, int channels) {
    for (int i = 0; i < kBlock; ++i) at[i] = weights + std::min(first + i, size - 1) * channels;
  }
};

// sums[p] += the products of pixel p, whose channel blocks lie `plane` floats apart, with the rows.
template <int kPixels>
void add_products(const Rows& rows, int channels, const float* const* pixels, std::int64_t plane,
                  Lanes (&sums)[kPixels]) {
  for (int c = 0, block = 0; c < channels; c += kBlock, ++block) {
    const int lanes = std::min(kBlock, channels - c);
    Lanes square[kBlock];
    PYDARKNET_UNROLL
    for (int i = 0; i < kBlock; ++i) {
      square[i] = lanes == kBlock ? simd::load(rows.at[i] + c) : simd::load_first(rows.at[i] + c, lanes);
    }
    simd::transpose(square);
    const std::int64_t at = block * plane;
    for (int j = 0; j < lanes; ++j) {
      const Lanes filters = square[j];
      PYDARKNET_UNROLL
      for (int p = 0; p < kPixels; ++p) sums[p] += simd::splat(pixels[p][at + j]) * filters;
    }
  }
}

// Logits of requests [first, first + together), which are for the same filters; `kPixels` of them or fewer.
template <int kPixels>
void logits(const PointwiseConv& conv, const PointwiseRequests& r, std::int64_t first, int together,
            float* values) {
  const std::int64_t plane = conv.x.plane(), filter = r.filters[first], size = r.size(first);
  const std::int64_t cells = std::int64_t{conv.x.h} * conv.x.w;
  const float* pixels[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    const std::int64_t pixel = r.pixels[first + std::min(p, together - 1)];
    pixels[p] = conv.x.block(static_cast<int>(pixel / cells), 0) + pixel % cells * kBlock;
  }
  for (std::int64_t f = 0; f < size; f += kBlock) {
    const int lanes = static_cast<int>(std::min<std::int64_t>(kBlock, size - f));
    Lanes sums[kPixels];
    for (int p = 0; p < kPixels; ++p) sums[p] = simd::load_first(conv.bias + filter + f, lanes);
    add_products(Rows(conv.weights + filter * conv.c, f, size, conv.c), conv.c, pixels, plane, sums);
    for (int p = 0; p < together; ++p) simd::store_first(values + r.starts[first + p] + f, sums[p], lanes);
  }
}

// In place, with the sum in the order of the values: what cpu/softmax.cpp does for each lane of a column.
void softmax_in_order(float* y, std::int64_t size) {
  float top = -FLT_MAX, sum = 0;
  for (std::int64_t i = 0; i < size; ++i) top = y[i] > top ? y[i] : top;
  for (std::int64_t i = 0; i < size; i += kBlock) {
    const int lanes = static_cast<int>(std::min<std::int64_t>(kBlock, size - i));
    const Lanes e = simd::exp(simd::load_first(y + i, lanes) - top);
    for (int lane = 0; lane < lanes; ++lane) sum += e[lane];
    simd::store_first(y + i, e, lanes);
  }
  const float scale = 1.0f / sum;
  for (std::int64_t i = 0; i < size; ++i) y[i] *= scale;
}

}  // namespace

void pointwise_softmax(const PointwiseConv& conv, const PointwiseRequests& r, float* values, Stream) {
  parallel_for(r.count, 1, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      int together = 1;
      while (together < kTogether && begin + together < end &&
             r.filters[begin + together] == r.filters[begin] && r.size(begin + together) == r.size(begin)) {
        ++together;
      }
      if (together == 1) {
        logits<1>(conv, r, begin, 1, values);
      } else {
        logits<kTogether>(conv, r, begin, together, values);
      }
      for (int i = 0; i < together; ++i) softmax_in_order(values + r.starts[begin + i], r.size(begin + i));
      begin += together;
    }
  });
}

}  // namespace pydarknet
