// Convolution of BF16 by matrix registers.
#pragma once
#include <cstring>
#include <vector>

#include "cpu/bf16/outputs.h"
#include "cpu/matrices/convolve.h"
#include "cpu/matrices/weights.h"
#include "cpu/simd/amx.h"
#include "ops/cpu/bf16.h"

namespace pydarknet::bf16 {

static_assert(simd::kSumsPitch == kHalfBlock);

inline constexpr int kHalf = 2;  // bytes

// Rounded as simd::to_bf16() does.
inline std::uint16_t bf16_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// A band: the channels that the layout's pixels have, zeros where there is no input.
class BandSource {
 public:
  BandSource(const ConvShape& s, const MatrixLayout& layout, const MatrixBands& bands, ConstBf16Tensor x)
      : s_(s), layout_(layout), b_(bands), x_(x) {}

  const std::uint8_t* operator()(int band, std::uint8_t* own) const {
    const int image = band / b_.per_image, first = b_.first_row(band) * s_.stride_y - s_.pad_y;
    if (b_.in_place) return bytes(x_.block(image, 0)) + first * b_.row;
    const int rows = (b_.rows_in(s_, band) - 1) * s_.stride_y + s_.kernel_h;
    for (int block = 0; block < layout_.blocks; ++block) {
      std::uint8_t* const to = own + block * b_.channel;
      for (int i = 0; i < rows; ++i) row(x_.block(image, block), first + i, to + i * b_.row);
      std::memset(to + rows * b_.row, 0, static_cast<std::size_t>(b_.tail));
    }
    // Behind the last pixel of the only block lie those that its step multiplies by 0.
    if (layout_.together > 1) std::memset(own + rows * b_.row + b_.tail, 0, simd::kMatrixBytes);
    return own;
  }

 private:
  static const std::uint8_t* bytes(const std::uint16_t* from) {
    return reinterpret_cast<const std::uint8_t*>(from);
  }

  void row(const std::uint16_t* plane, int y, std::uint8_t* to) const {
    const int inside = std::min(x_.w, b_.width - s_.pad_x);
    if (y < 0 || y >= x_.h || inside <= 0) {
      std::memset(to, 0, static_cast<std::size_t>(b_.row));
      return;
    }
    const std::ptrdiff_t left = std::ptrdiff_t{s_.pad_x} * layout_.pixel,
                         count = std::ptrdiff_t{inside} * layout_.pixel;
    std::memset(to, 0, static_cast<std::size_t>(left));
    const std::uint8_t* from = bytes(plane + std::int64_t{y} * x_.w * kHalfBlock);
    if (layout_.pixel == kHalf * kHalfBlock) {
      std::memcpy(to + left, from, static_cast<std::size_t>(count));
    } else {
      few_channels(from, inside, to + left);
    }
    std::memset(to + left + count, 0, static_cast<std::size_t>(b_.row - left - count));
  }

  void few_channels(const std::uint8_t* from, int pixels, std::uint8_t* to) const {
    const auto pixel = static_cast<std::size_t>(layout_.pixel);
    for (int i = 0; i < pixels; ++i) std::memcpy(to + i * pixel, from + i * (kHalf * kHalfBlock), pixel);
  }

  const ConvShape& s_;
  const MatrixLayout& layout_;
  const MatrixBands& b_;
  const ConstBf16Tensor x_;
};

// What a convolution multiplies: the shape of that, its layout, and where a band of it lies.
struct Blocks {
  using View = ConstBf16Tensor;
  template <class Rounding>
  using Source = BandSource;
  static constexpr const char* kName = "direct_bf16_blocks";

  static ConvShape multiplied(const ConvShape& s) { return s; }
  static MatrixLayout layout(const ConvShape& s) { return {s, kHalf}; }
  static bool in_place(const MatrixLayout& layout) { return layout.pixel == kHalf * kHalfBlock; }
  static void pack(const ConvShape& s, const float* weights, std::uint8_t* packed) {
    pack_matrix_weights<std::uint16_t>(s, layout(s), weights, &bf16_of, packed);
  }
};

template <class Matrices, class Rounding, class Input>
class ByMatrices : public ConvolutionToBf16<typename Input::View> {
  using View = typename Input::View;

 public:
  explicit ByMatrices(simd::Multiplier multiplier) : multiplier_(multiplier) {}

  const char* name() const override { return Input::kName; }
  bool runs() const override { return simd::multiplier() == multiplier_; }
  std::int64_t packed_bytes(const ConvShape& s) const override {
    return Input::layout(Input::multiplied(s)).packed_bytes();
  }
  void pack(const ConvShape& s, const float* weights, std::uint8_t* packed) const override {
    Input::pack(s, weights, packed);
  }
  std::int64_t workspace(const ConvShape& s, int threads) const override {
    const ConvShape multiplied = Input::multiplied(s);
    std::int64_t most = 0;
    for (int i = 1; i <= threads; ++i) most = std::max(most, scratch(multiplied, i));
    return most;
  }
  bool does(const ConvShape& s, const Bf16Tail& tail) const override {
    return !tail.pool || (s.out_h() % 2 == 0 && s.out_w() % 2 == 0 && !tail.add);
  }

  void forward(const Bf16ConvCall& call, View x, Bf16Tensor y) const override {
    call.tail.pool ? run(call, x, WriteLargest<Rounding>(call, y))
                   : run(call, x, WriteHalves<Rounding>(call, y));
  }
  void forward(const Bf16ConvCall& call, View x, Tensor y) const override {
    run(call, x, WriteFloats(call, y));
  }

 private:
  static std::int64_t scratch(const ConvShape& s, int threads) {
    const MatrixLayout layout = Input::layout(s);
    const bool in_place = Input::in_place(layout);
    return Scratch<std::uint8_t>::size(0, MatrixBands::most_own(s, layout, in_place, threads), threads);
  }

  template <class Finish>
  static void run(const Bf16ConvCall& call, View x, const Finish& finish) {
    const ConvShape s = Input::multiplied(call.shape);
    int threads = num_threads();
    while (threads > 1 && scratch(s, threads) > call.workspace_bytes) --threads;
    const MatrixLayout layout = Input::layout(s);
    const MatrixBands bands(s, layout, {Input::in_place(layout), call.tail.pool}, threads);
    const MatrixStart<float> start(call.bias, s.k);
    const MatrixTasks<simd::PairFactors> tasks{s, layout, bands, call.packed, start};
    tasks.template run<Matrices>(Scratch<std::uint8_t>(call.workspace, call.workspace_bytes, 0, threads),
                                 threads, typename Input::template Source<Rounding>(s, layout, bands, x),
                                 finish);
  }

  const simd::Multiplier multiplier_;
};

}  // namespace pydarknet::bf16
