// Inference whose activations are BF16 from layer to layer, on CPUs with matrix registers. Sums are float32;
// what follows them is computed in float32 and rounded once, to nearest, ties to even.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/conv.h"
#include "ops/cpu/narrow.h"
#include "ops/tensor.h"

namespace pydarknet {

// Lanes past a value's channels are 0, always: a weight of 0 would not make 0 of NaN.
using Bf16Tensor = NarrowOf<std::uint16_t>;
using ConstBf16Tensor = NarrowOf<const std::uint16_t>;

inline constexpr int half_blocks_of(int channels) { return (channels + kHalfBlock - 1) / kHalfBlock; }

// Filters in whose steps packed weights follow each other: those of a shape with more filters are those of
// the first so many, of the next, and so on.
inline constexpr int kHalfStep = 128;

// What happens to the activated output, in float32, before it is rounded and written.
struct Bf16Tail {
  const std::uint16_t* add = nullptr;  // blocked like y: added to it
  bool pool = false;                   // y is the 2x2 max-pooling with stride 2, of even height and width
};

// `bias` has k floats or is nullptr. `workspace` has at least the bytes for one thread; with more it is used
// by more threads. Both it and `packed` begin where a float may.
struct Bf16ConvCall {
  ConvShape shape;
  const std::uint8_t* packed;
  const float* bias;
  Activation activation;
  std::uint8_t* workspace;
  std::int64_t workspace_bytes;
  Bf16Tail tail{};
};

// One way to convolve an X, with one group. Packed weights depend on nothing that resizing a network changes.
template <class X>
class ConvolutionToBf16 {
 public:
  virtual ~ConvolutionToBf16() = default;
  // Of the algorithm and its packed weights, not of what multiplies.
  virtual const char* name() const = 0;
  // Whether this machine has the instructions, and use_matrices() (ops/precision.h) lets it use them.
  virtual bool runs() const = 0;
  // A multiple of 4.
  virtual std::int64_t packed_bytes(const ConvShape& shape) const = 0;
  // weights (k, c, kernel_h, kernel_w).
  virtual void pack(const ConvShape& shape, const float* weights, std::uint8_t* packed) const = 0;
  // Bytes that a call with any number of threads up to `threads` takes; a multiple of 4.
  virtual std::int64_t workspace(const ConvShape& shape, int threads) const = 0;
  // Whether a call with such a tail is possible, into BF16.
  virtual bool does(const ConvShape& shape, const Bf16Tail& tail) const = 0;
  virtual void forward(const Bf16ConvCall& call, X x, Bf16Tensor y) const = 0;
  // Without a tail. Lanes of y's last block past k become finite.
  virtual void forward(const Bf16ConvCall& call, X x, Tensor y) const = 0;
};

// Of BF16, by weights that are rounded to it.
using Bf16Convolution = ConvolutionToBf16<ConstBf16Tensor>;
// Of images in floats, of up to kMostImageChannels. Numbers and weights are split into two BF16 each, of
// whose products only that of the lower halves is left out: a factor has 16 bits.
using Bf16ImageConvolution = ConvolutionToBf16<ConstPlain>;
inline constexpr int kMostImageChannels = 4;

// Those that run, the fastest first.
std::vector<const Bf16Convolution*> bf16_convolutions();
std::vector<const Bf16ImageConvolution*> bf16_image_convolutions();

// y = x. The lanes of x past `channels` are not read.
void bf16_from_blocked(ConstTensor x, Bf16Tensor y, int channels);
void bf16_to_blocked(ConstBf16Tensor x, Tensor y);

// y = a + b.
void bf16_add(ConstBf16Tensor a, ConstBf16Tensor b, Bf16Tensor y);

}  // namespace pydarknet
