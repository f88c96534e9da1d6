// Convolution forward: its geometry, its algorithms, and their packed weights. A connected layer is a
// convolution whose kernel is the whole input.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "ops/activation.h"
#include "ops/precision.h"
#include "ops/tensor.h"

namespace pydarknet {

// Images, channels, rows and columns of the input; filters; kernel, stride and padding of one side; the
// coarsest precision to choose algorithms with.
struct ConvShape {
  int n, c, h, w, k, kernel_h, kernel_w, stride_y, stride_x, pad_y, pad_x, groups;
  Precision precision = Precision::kFp32;

  int out_h() const { return static_cast<int>((h + 2 * std::int64_t{pad_y} - kernel_h) / stride_y + 1); }
  int out_w() const { return static_cast<int>((w + 2 * std::int64_t{pad_x} - kernel_w) / stride_x + 1); }
  int taps() const { return kernel_h * kernel_w; }
  // Multiplications and additions.
  std::int64_t flops() const { return std::int64_t{2} * n * k * (c / groups) * taps() * out_h() * out_w(); }
  // Throws std::invalid_argument for sizes that make no convolution, or whose arrays or flops pass 2^62.
  void validate() const;
  std::string text() const;
};

// What happens to the activated output before it is written.
struct ConvTail {
  const float* add = nullptr;  // blocked like y: added to it
  bool pool = false;           // y is the 2x2 max-pooling with stride 2, of even height and width
};

// Everything one call of a convolution needs. `bias` has k floats or is nullptr. `workspace` has at least
// the algorithm's floats for one thread; with more it is used by more threads.
struct ConvCall {
  ConvShape shape;
  const float* packed;
  const float* bias;
  Activation activation;
  float* workspace;
  std::int64_t workspace_floats;
  ConvTail tail{};
};

// One way to convolve. Packed weights depend on nothing that resizing a network changes (n, h, w).
class ConvAlgorithm {
 public:
  virtual ~ConvAlgorithm() = default;
  virtual const char* name() const = 0;
  // Its name, or that of another one whose results are the same bits.
  virtual std::string same_bits() const { return name(); }
  // Whether the input is plain NCHW rather than blocked.
  virtual bool plain() const { return false; }
  virtual Precision precision() const { return Precision::kFp32; }
  virtual bool supports(const ConvShape& shape) const = 0;
  virtual std::int64_t packed_size(const ConvShape& shape) const = 0;
  // weights (k, c / groups, kernel_h, kernel_w); packed has packed_size floats.
  virtual void pack(const ConvShape& shape, const float* weights, float* packed, Stream stream) const = 0;
  // Floats that a call with any number of threads up to `threads` takes.
  virtual std::int64_t workspace(const ConvShape& shape, int threads) const = 0;
  // Seconds that `threads` threads (or the device) take, by the model in docs/cpu-kernels.md
  // (docs/kernels.md).
  virtual double cost(const ConvShape& shape, int threads) const = 0;
  // Whether a call with such a tail is possible.
  virtual bool does(const ConvShape& shape, const ConvTail& tail) const {
    (void)shape;
    return !tail.add && !tail.pool;
  }
  // x blocked, or plain as plain() says.
  virtual void forward(const ConvCall& call, const float* x, Tensor y, Stream stream) const = 0;
};

// All that this build has.
const std::vector<const ConvAlgorithm*>& convolution_algorithms();

// Throws std::invalid_argument if there is no such algorithm or it can't do `shape`.
const ConvAlgorithm& conv_algorithm(const ConvShape& shape, const std::string& name);

// Names of the algorithms usable for `shape`, fastest first, those coarser than the shape's precision last.
// One thread's speed decides which bits come out, and that of so many which algorithm of the same bits. Those
// whose packed weights pass `max_packed_bytes` are left out, unless none that is fine enough would be left:
// then the smallest of these stays.
std::vector<std::string> conv_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain,
                                         int threads);

// y = activation(convolution(x) + bias). x has c channels (its last block's other lanes are ignored), y has
// k (its last block's other lanes become finite).
void conv_forward(const ConvAlgorithm& algorithm, const ConvCall& call, const float* x, Tensor y,
                  Stream stream);

}  // namespace pydarknet
