// Matrix registers, as AMX has them: rows of words, which are sums, float32 or whole numbers, or factors,
// pairs of BF16 or four bytes. A product adds to each row of sums the words of a row of pixels times rows of
// weights.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpu/simd/vec.h"

namespace pydarknet::simd {

inline constexpr int kMatrices = 8, kMatrixRows = 16, kMatrixBytes = 64;

// Of all registers, in the layout that LDTILECFG reads.
struct MatrixShapes {
  std::uint8_t palette = 1, start = 0, unused[14] = {};
  std::uint16_t bytes[16] = {};  // of a row
  std::uint8_t rows[16] = {};

  void set(int matrix, int row_count, int row_bytes) {
    rows[matrix] = static_cast<std::uint8_t>(row_count);
    bytes[matrix] = static_cast<std::uint16_t>(row_bytes);
  }
};
static_assert(sizeof(MatrixShapes) == 64);

// The processor's. In assembly, so that the module needs no flags beyond those of its instruction set.
#if defined(__x86_64__)
class Amx {
 public:
  explicit Amx(const MatrixShapes& shapes) { __asm__ volatile("ldtilecfg %0" : : "m"(shapes)); }
  Amx(const Amx&) = delete;
  ~Amx() { __asm__ volatile("tilerelease"); }

  template <int I>
  void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(I));
  }
  template <int I>
  void load(const void* from, std::ptrdiff_t row_bytes) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(row_bytes), "i"(I) : "memory");
  }
  template <int I>
  void store(void* to, std::ptrdiff_t row_bytes) const {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(row_bytes), "i"(I) : "memory");
  }
  template <int kSums, int kPixels, int kWeights>
  void add_pairs() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kPixels), "i"(kWeights));
  }
  // Pixels without a sign, weights with one.
  template <int kSums, int kPixels, int kWeights>
  void add_bytes() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kPixels), "i"(kWeights));
  }
};
#endif

// The same in plain C++, to test by and to hold AMX against.
class PlainMatrices {
 public:
  explicit PlainMatrices(const MatrixShapes& shapes) : shapes_(shapes) {}

  template <int I>
  void zero() {
    std::memset(words_[I], 0, sizeof words_[I]);
  }
  template <int I>
  void load(const void* from, std::ptrdiff_t row_bytes) {
    for (int row = 0; row < shapes_.rows[I]; ++row) {
      std::memcpy(words_[I][row], static_cast<const char*>(from) + row * row_bytes, shapes_.bytes[I]);
    }
  }
  template <int I>
  void store(void* to, std::ptrdiff_t row_bytes) const {
    for (int row = 0; row < shapes_.rows[I]; ++row) {
      std::memcpy(static_cast<char*>(to) + row * row_bytes, words_[I][row], shapes_.bytes[I]);
    }
  }
  // The first of each pair, and the second, are summed by themselves before they are added.
  template <int kSums, int kPixels, int kWeights>
  void add_pairs() {
    each_sum<kSums>([&](int row, int i, std::uint32_t& word) {
      float firsts = 0, seconds = 0;
      for (int k = 0; k < shapes_.bytes[kPixels] / 4; ++k) {
        const std::uint32_t pixel = words_[kPixels][row][k], weight = words_[kWeights][k][i];
        firsts += as_float(pixel << 16) * as_float(weight << 16);
        seconds += as_float(pixel & kUpper) * as_float(weight & kUpper);
      }
      const float sum = as_float(word) + (firsts + seconds);
      std::memcpy(&word, &sum, sizeof sum);
    });
  }
  template <int kSums, int kPixels, int kWeights>
  void add_bytes() {
    each_sum<kSums>([&](int row, int i, std::uint32_t& word) {
      for (int k = 0; k < shapes_.bytes[kPixels] / 4; ++k) {
        for (int shift = 0; shift < 32; shift += 8) {
          const auto pixel = static_cast<std::uint8_t>(words_[kPixels][row][k] >> shift);
          const auto weight = static_cast<std::int8_t>(words_[kWeights][k][i] >> shift);
          word += static_cast<std::uint32_t>(pixel * weight);
        }
      }
    });
  }

 private:
  static constexpr std::uint32_t kUpper = 0xFFFF0000;
  // Calls add(row, which of its words, the word).
  template <int kSums, class Add>
  void each_sum(Add&& add) {
    for (int row = 0; row < shapes_.rows[kSums]; ++row) {
      for (int i = 0; i < shapes_.bytes[kSums] / 4; ++i) add(row, i, words_[kSums][row][i]);
    }
  }
  static float as_float(std::uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  const MatrixShapes shapes_;
  std::uint32_t words_[kMatrices][kMatrixRows][kMatrixBytes / 4] = {};
};

}  // namespace pydarknet::simd
