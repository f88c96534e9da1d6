// Convolution's micro-kernel by matrix registers (simd/matrices.h): up to two tiles of pixels times up to two
// tiles of filters, whose sums stay in four of them. Each step adds the products of 64 bytes of every pixel.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cpu/simd/matrices.h"

namespace pydarknet::simd {

// Tiles of pixels, and of filters, that one product has at most.
inline constexpr int kPixelTiles = 2, kFilterTiles = 2;
// Weights of one step and one tile of filters: [word of a pixel][filter], a word being 4 bytes.
inline constexpr int kTileFilters = kMatrixBytes / 4;
inline constexpr int kTileBytes = kMatrixRows * kMatrixBytes;
// Sums of a product: [tile of pixels][pixel][filter], whatever their numbers.
inline constexpr int kSumsPitch = kFilterTiles * kTileFilters, kSumsTile = kMatrixRows * kSumsPitch;
inline constexpr int kSums = kPixelTiles * kSumsTile;

struct MatrixProduct {
  const std::uint8_t* x[kPixelTiles];  // first pixel of each tile
  std::ptrdiff_t pixel;                // bytes from one to the next
  const std::ptrdiff_t* offsets;       // of each step, from a pixel
  int steps;
  const void* start;  // what the sums begin with: a word for each filter, or sums (goes_on)
  bool goes_on;
  const std::uint8_t* weights;  // [step][tile of filters]
  const std::uint8_t* ahead;    // weights wanted soon
  int ahead_lines;              // of them that each step asks for
};

// What a step multiplies: pairs of BF16 into floats, or bytes into whole numbers.
struct PairFactors {
  using Sum = float;
  template <int kSum, int kPixels, int kWeights, class Matrices>
  static void add(Matrices& m) {
    m.template add_pairs<kSum, kPixels, kWeights>();
  }
};
struct ByteFactors {
  using Sum = std::int32_t;
  template <int kSum, int kPixels, int kWeights, class Matrices>
  static void add(Matrices& m) {
    m.template add_bytes<kSum, kPixels, kWeights>();
  }
};

// Registers: four of sums, then the pixels of two tiles, then the weights of two.
inline constexpr int kPixelsAt = kPixelTiles * kFilterTiles, kWeightsAt = kPixelsAt + kPixelTiles;
static_assert(kWeightsAt + kFilterTiles == kMatrices);

// For tiles of so many pixels.
inline MatrixShapes product_shapes(int pixels) {
  MatrixShapes shapes;
  for (int i = 0; i < kMatrices; ++i) shapes.set(i, i < kWeightsAt ? pixels : kMatrixRows, kMatrixBytes);
  return shapes;
}

// What the sums begin with. Each is loaded right before its first product, so that products never wait for
// all of them.
class ProductStart {
 public:
  explicit ProductStart(const MatrixProduct& p)
      : first_(static_cast<const std::uint8_t*>(p.start)),
        tile_(p.goes_on ? kSumsTile * 4 : 0),
        pitch_(p.goes_on ? kSumsPitch * 4 : 0) {}

  template <int kSum, class Matrices>
  void load(Matrices& m) const {
    constexpr int kTile = kSum / kFilterTiles, kFilters = kSum % kFilterTiles;
    m.template load<kSum>(first_ + kTile * tile_ + kFilters * kMatrixBytes, pitch_);
  }

 private:
  const std::uint8_t* const first_;
  const std::ptrdiff_t tile_, pitch_;
};
struct ProductGoesOn {
  template <int kSum, class Matrices>
  void load(Matrices&) const {}
};

// One step, of the pixels from x0 and x1 on.
template <class Factors, int I, int J, class Matrices, class Start>
void product_step(Matrices& m, const Start& start, const std::uint8_t* x0, const std::uint8_t* x1,
                  std::ptrdiff_t pixel, const std::uint8_t* weights) {
  m.template load<kPixelsAt>(x0, pixel);
  m.template load<kWeightsAt>(weights, kMatrixBytes);
  start.template load<0>(m);
  Factors::template add<0, kPixelsAt, kWeightsAt>(m);
  if constexpr (J > 1) {
    m.template load<kWeightsAt + 1>(weights + kTileBytes, kMatrixBytes);
    start.template load<1>(m);
    Factors::template add<1, kPixelsAt, kWeightsAt + 1>(m);
  }
  if constexpr (I > 1) {
    m.template load<kPixelsAt + 1>(x1, pixel);
    start.template load<2>(m);
    Factors::template add<2, kPixelsAt + 1, kWeightsAt>(m);
  }
  if constexpr (I > 1 && J > 1) {
    start.template load<3>(m);
    Factors::template add<3, kPixelsAt + 1, kWeightsAt + 1>(m);
  }
}

template <int I, int J, class Matrices>
void store_product(const Matrices& m, void* sums) {
  auto* const to = static_cast<std::uint8_t*>(sums);
  constexpr std::ptrdiff_t kPitch = kSumsPitch * 4, kSecond = kSumsTile * 4;
  m.template store<0>(to, kPitch);
  if constexpr (J > 1) m.template store<1>(to + kMatrixBytes, kPitch);
  if constexpr (I > 1) m.template store<2>(to + kSecond, kPitch);
  if constexpr (I > 1 && J > 1) m.template store<3>(to + kSecond + kMatrixBytes, kPitch);
}

// The product of I tiles of pixels and J of filters. meanwhile() is called at each step: what it does takes
// place beside the products, which use no vector units, and before `sums` are written.
template <class Factors, int I, int J, class Matrices, class Meanwhile>
void matrix_product(Matrices& m, const MatrixProduct& p, typename Factors::Sum* sums, Meanwhile& meanwhile) {
  const std::uint8_t *const x0 = p.x[0], *const x1 = p.x[I - 1], *weights = p.weights, *ahead = p.ahead;
  const std::ptrdiff_t* const offsets = p.offsets;
  const std::ptrdiff_t pixel = p.pixel, lines = p.ahead_lines * std::ptrdiff_t{kMatrixBytes};
  product_step<Factors, I, J>(m, ProductStart(p), x0 + *offsets, x1 + *offsets, pixel, weights);
  for (int s = 1, steps = p.steps; s < steps; ++s) {
    meanwhile();
    for (const std::uint8_t* end = ahead + lines; ahead < end; ahead += kMatrixBytes) {
      __builtin_prefetch(ahead, 0, 2);
    }
    weights += J * kTileBytes;
    product_step<Factors, I, J>(m, ProductGoesOn(), x0 + offsets[s], x1 + offsets[s], pixel, weights);
  }
  meanwhile();
  store_product<I, J>(m, sums);
}

}  // namespace pydarknet::simd
