// The CPU's convolution algorithms, and what they share.
#pragma once
#include "cpu/conv/kernels.h"
#include "ops/conv.h"
#include "shared/activation.h"

namespace pydarknet {

// What all of convolution_algorithms() are here: kernels are packed from wherever they lie.
class CpuConvolution : public ConvAlgorithm {
 public:
  void pack(const ConvShape& shape, const float* weights, float* packed, Stream) const final {
    pack_kernels(shape, Kernels(shape, weights), packed);
  }
  virtual void pack_kernels(const ConvShape& shape, const Kernels& kernels, float* packed) const = 0;
  // What a call with exactly so many threads needs. More threads may need less: they cut the work finer.
  virtual std::int64_t scratch(const ConvShape& shape, int threads) const = 0;
  // Enough for a call with any number of threads up to `threads`.
  std::int64_t workspace(const ConvShape& shape, int threads) const final;
};

const CpuConvolution& direct_convolution();
const CpuConvolution& direct_plain_convolution();
const CpuConvolution& depthwise_convolution();
// F(2x2, 3x3) and F(4x4, 3x3), Lavin and Gray 2015.
const CpuConvolution& winograd2_convolution();
const CpuConvolution& winograd4_convolution();

// Threads whose scratch fits the call's workspace, at most the current number.
int conv_threads(const ConvCall& call, const CpuConvolution& algorithm);

}  // namespace pydarknet
