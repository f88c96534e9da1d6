// Gradients of a convolution. `shape` is always the forward convolution's.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

// How the gradient with respect to the input is computed: as forward convolutions of dy with transposed
// weights.
//   a forward algorithm's name   one of them, kernel turned by 180 degrees; stride 1, padding below the
//   kernel "connected"                  the kernel is the whole input: a 1x1 convolution to every input value
//   "phases"                     any geometry: one for each residue of the input position modulo the stride
// Fastest first; packed sizes beyond `max_packed_bytes` are left out unless none would be left.
std::vector<std::string> conv_data_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes);

// The functions that take an algorithm throw std::invalid_argument if it can't do `shape`. Packed weights
// depend on nothing that resizing a network changes, except for "connected".
std::int64_t conv_data_packed_size(const ConvShape& shape, const std::string& algorithm);
void conv_data_pack(const ConvShape& shape, const std::string& algorithm, const float* weights, float* packed,
                    Stream stream);
// Floats of workspace for any number of threads up to `threads`.
std::int64_t conv_data_workspace(const ConvShape& shape, const std::string& algorithm, bool accumulate,
                                 int threads);

// dx = the gradient, or dx += with `accumulate`. Lanes of dy past k are not read; lanes of dx past c become
// (or stay) finite. `workspace` has at least the floats for one thread; with more it is used by more threads.
void conv_backward_data(const ConvShape& shape, const std::string& algorithm, ConstTensor dy,
                        const float* packed, Tensor dx, bool accumulate, float* workspace,
                        std::int64_t workspace_floats, Stream stream);

// Floats of workspace for any number of threads up to `threads`; `plain` tells whether x is.
std::int64_t conv_weights_workspace(const ConvShape& shape, bool plain, int threads);

// dweights (k, c / groups, kernel_h, kernel_w) += the gradient, summed over images and pixels. Lanes of x
// past c and of dy past k are ignored. Workspace as above.
void conv_backward_weights(const ConvShape& shape, ConstTensor x, ConstTensor dy, float* dweights,
                           float* workspace, std::int64_t workspace_floats, Stream stream);
// The same for plain x; one group.
void conv_backward_weights(const ConvShape& shape, ConstPlain x, ConstTensor dy, float* dweights,
                           float* workspace, std::int64_t workspace_floats, Stream stream);

}  // namespace pydarknet
