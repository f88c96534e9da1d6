// The CPU's convolution algorithms, and what they share.
#pragma once
#include <memory>
#include <vector>

#include "cpu/conv/format.h"
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

// An algorithm in every format of weights, FP32 first; without BF16 if that would be too coarse.
using ConvolutionList = std::vector<const CpuConvolution*>;

template <class Algorithm>
struct EveryFormat {
  template <class... Others>
  explicit EveryFormat(bool bf16 = true, Others... others) {
    for (const WeightFormat* format : weight_formats()) {
      if (format->precision == Precision::kBf16 && !bf16) continue;
      made.push_back(std::make_unique<Algorithm>(*format, others...));
      list.push_back(made.back().get());
    }
  }
  std::vector<std::unique_ptr<Algorithm>> made;
  ConvolutionList list;
};

const ConvolutionList& direct_convolutions();
// F(2x2, 3x3), F(3x3, 3x3) and F(4x4, 3x3), Lavin and Gray 2015; with stride 2 their relatives.
const ConvolutionList& winograd_convolutions();
// In BF16 where the processor has matrix registers.
const ConvolutionList& matrix_convolutions();
// In FP32 only.
const CpuConvolution& winograd_few_convolution();
const CpuConvolution& direct_plain_convolution();
const CpuConvolution& depthwise_convolution();

// The best direct one of a precision; FP32 where none is in it.
const CpuConvolution& direct_convolution(Precision precision = Precision::kFp32);

// Threads whose scratch fits the call's workspace, at most the current number.
int conv_threads(const ConvCall& call, const CpuConvolution& algorithm);

}  // namespace pydarknet
