// Gradients of a convolution. `shape` is always the forward convolution's.
#pragma once
#include <memory>

#include "ops/conv.h"

namespace pydarknet {

// One call. Lanes of dy past k are not read; lanes of dx past c become (or stay) finite. dx is written, or
// grows with `accumulate`. `workspace` has at least the floats for one thread; with more it is used by more
// threads.
struct DgradCall {
  ConstTensor dy;
  const float* packed;
  Tensor dx;
  bool accumulate;
  float* workspace;
  std::int64_t workspace_floats;
};

// The gradient with respect to the input, as forward convolutions of dy with transposed weights. Packed
// weights depend on nothing that resizing a network changes, except for "connected".
class ConvDgrad {
 public:
  virtual ~ConvDgrad() = default;
  virtual std::int64_t packed_size() const = 0;
  // weights (k, c / groups, kernel_h, kernel_w); packed has packed_size floats.
  virtual void pack(const float* weights, float* packed, Stream stream) const = 0;
  // Floats of workspace for any number of threads up to `threads`.
  virtual std::int64_t workspace(bool accumulate, int threads) const = 0;
  virtual void run(const DgradCall& call, Stream stream) const = 0;
};

// By one of these algorithms; throws std::invalid_argument if it can't do `shape`:
//   a forward algorithm's name   one of them, kernel turned by 180 degrees; stride 1, padding below the
//   kernel "connected"                  the kernel is the whole input: a 1x1 convolution to every input value
//   "phases"                     any geometry: one for each residue of the input position modulo the stride
std::unique_ptr<const ConvDgrad> conv_dgrad(const ConvShape& shape, const std::string& algorithm);

// Names of the usable ones, fastest first; packed sizes beyond `max_packed_bytes` are left out unless none
// would be left.
std::vector<std::string> conv_dgrad_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes);

// One call. Lanes of x past c and of dy past k are ignored. Workspace as above.
struct WgradCall {
  const float* x;
  ConstTensor dy;
  float* dweights;
  float* workspace;
  std::int64_t workspace_floats;
};

// dweights (k, c / groups, kernel_h, kernel_w) += the gradient, summed over images and pixels.
class ConvWgrad {
 public:
  virtual ~ConvWgrad() = default;
  // Floats of workspace for any number of threads up to `threads`.
  virtual std::int64_t workspace(int threads) const = 0;
  virtual void run(const WgradCall& call, Stream stream) const = 0;
};

// For x plain or blocked; plain takes one group.
std::unique_ptr<const ConvWgrad> conv_wgrad(const ConvShape& shape, bool plain);

}  // namespace pydarknet
