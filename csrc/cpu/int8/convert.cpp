// Between floats and bytes.
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "cpu/int8/kernel.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using int8::ByteLanes;
using int8::IntLanes;
using simd::Lanes;

constexpr int kParts = kByteBlock / kBlock;  // blocks of floats in one of bytes

// By instructions that GCC 12 makes a dozen of.
IntLanes load_bytes(const std::uint8_t* from) {
#if defined(__AVX512F__)
  return (IntLanes)_mm512_maskz_cvtepu8_epi32(0xffff, _mm_loadu_si128((const __m128i*)from));
#elif defined(__AVX2__)
  return (IntLanes)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)from));
#else
  ByteLanes bytes;
  std::memcpy(&bytes, from, sizeof bytes);
  return __builtin_convertvector(bytes, IntLanes);
#endif
}

Lanes to_floats(const std::uint8_t* from, int zero) {
  return __builtin_convertvector(load_bytes(from) - zero, Lanes);
}

// Floats to bytes. What it knows is copied for each loop: bytes that are written might be anything's.
struct Quantiser {
  float per_unit;
  int zero;
  int8::Rounding round;

  Quantiser(float per_unit_, int zero_) : per_unit(per_unit_), zero(zero_), round(zero_) {}
  PYDARKNET_INLINE IntLanes operator()(Lanes f) const { return round(f * per_unit); }
};

// The pixels from column j on of a row, whose channels are `from`: the first one is the lowest byte of a
// word.
PYDARKNET_INLINE IntLanes image_words(const float* const (&from)[kImageBlock], int channels, int j,
                                      const Quantiser& quantise) {
  static_assert(kImageBlock == sizeof(std::int32_t));
  IntLanes words{};
  for (int c = 0; c < kImageBlock; ++c) {
    const IntLanes bytes = c < channels ? quantise(simd::load(from[c] + j)) : quantise.zero + IntLanes{};
    words |= bytes << (8 * c);
  }
  return words;
}

// Bytes of one scale and zero as those of another.
void rescale(const std::uint8_t* from, std::uint8_t* to, std::int64_t count, float ratio, int zero_x,
             int zero_y) {
  const Quantiser quantise(ratio, zero_y);
  for (std::int64_t i = 0; i < count; i += kBlock) {
    int8::store_bytes(to + i, quantise(to_floats(from + i, zero_x)));
  }
}

}  // namespace

void int8_quantize(ConstTensor x, Bytes y, float per_unit, int zero) {
  const std::int64_t rows = std::int64_t{y.n} * y.blocks * y.h;
  parallel_for(rows, 8, [&](std::int64_t begin, std::int64_t end) {
    const Quantiser quantise(per_unit, zero);
    for (std::int64_t i = begin; i < end; ++i) {
      const int row = static_cast<int>(i % y.h), block = static_cast<int>(i / y.h % y.blocks);
      const int image = static_cast<int>(i / y.h / y.blocks);
      std::uint8_t* to = y.block(image, block) + std::int64_t{row} * y.w * kByteBlock;
      for (int part = 0; part < kParts; ++part, to += kBlock) {
        const int from_block = block * kParts + part;
        const float* from =
            from_block < x.blocks() ? x.block(image, from_block) + std::int64_t{row} * x.w * kBlock : nullptr;
        for (int j = 0; j < y.w; ++j) {
          const Lanes f = from ? simd::load(from + j * kBlock) : Lanes{};
          int8::store_bytes(to + j * kByteBlock, quantise(f));
        }
      }
    }
  });
}

void int8_quantize_image(ConstPlain x, Bytes y, float per_unit, int zero) {
  parallel_for(std::int64_t{y.n} * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    const Quantiser quantise(per_unit, zero);
    for (std::int64_t i = begin; i < end; ++i) {
      const int row = static_cast<int>(i % y.h), image = static_cast<int>(i / y.h);
      std::uint8_t* to = y.block(image, 0) + std::int64_t{row} * y.w * kImageBlock;
      const float* from[kImageBlock] = {};
      for (int c = 0; c < x.c; ++c) from[c] = x.channel(image, c) + std::int64_t{row} * x.w;
      int j = 0;
      for (; j + kBlock <= x.w; j += kBlock) {
        const IntLanes pixels = image_words(from, x.c, j, quantise);
        std::memcpy(to + j * kImageBlock, &pixels, sizeof pixels);
      }
      if (j == x.w) continue;
      float rest[kImageBlock][kBlock] = {};
      for (int c = 0; c < x.c; ++c) from[c] = std::copy_n(from[c] + j, x.w - j, rest[c]) - (x.w - j);
      const IntLanes pixels = image_words(from, x.c, 0, quantise);
      std::memcpy(to + j * kImageBlock, &pixels, static_cast<std::size_t>(x.w - j) * kImageBlock);
    }
  });
}

void int8_dequantize(ConstBytes x, Tensor y, float scale, int zero) {
  parallel_for(std::int64_t{y.n} * y.blocks() * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int row = static_cast<int>(i % y.h), block = static_cast<int>(i / y.h % y.blocks());
      const int image = static_cast<int>(i / y.h / y.blocks());
      float* to = y.block(image, block) + std::int64_t{row} * y.w * kBlock;
      const std::uint8_t* from =
          x.block(image, block / kParts) + std::int64_t{row} * x.w * kByteBlock + block % kParts * kBlock;
      for (int j = 0; j < y.w; ++j) {
        simd::store(to + j * kBlock, to_floats(from + j * kByteBlock, zero) * scale);
      }
    }
  });
}

void int8_copy_channels(ConstBytes x, Bytes y, int from, int to, int channels, float ratio, int zero_x,
                        int zero_y) {
  if (ratio == 1.0f && zero_x == zero_y) return narrow_copy_channels(x, y, from, to, channels);
  std::uint8_t table[256];  // of what each byte becomes
  for (int q = 0; q < 256; ++q) {
    const Lanes f = simd::splat(static_cast<float>(q - zero_x)) * ratio;
    table[q] = static_cast<std::uint8_t>(int8::rounded(f, zero_y)[0]);
  }
  const bool aligned = from % kByteBlock == 0 && to % kByteBlock == 0;
  const int blocks = (channels + kByteBlock - 1) / kByteBlock;
  parallel_for(std::int64_t{y.n} * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int image = static_cast<int>(i / blocks), first = static_cast<int>(i % blocks) * kByteBlock;
      const int count = std::min(kByteBlock, channels - first);
      if (aligned && count == kByteBlock) {
        rescale(x.block(image, (from + first) / kByteBlock), y.block(image, (to + first) / kByteBlock),
                x.plane(), ratio, zero_x, zero_y);
        continue;
      }
      for (int c = first; c < first + count; ++c) {
        const std::uint8_t* source = x.block(image, (from + c) / kByteBlock) + (from + c) % kByteBlock;
        std::uint8_t* target = y.block(image, (to + c) / kByteBlock) + (to + c) % kByteBlock;
        for (std::int64_t p = 0; p < x.plane(); p += kByteBlock) target[p] = table[source[p]];
      }
    }
  });
}

}  // namespace pydarknet
