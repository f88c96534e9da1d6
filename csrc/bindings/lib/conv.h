// What the bindings of a convolution and of its gradients share.
#pragma once
#include "bindings/lib/checks.h"
#include "ops/conv.h"

namespace pydarknet::bindings {

inline std::int64_t weights_of(const ConvShape& s) { return std::int64_t{s.k} * (s.c / s.groups) * s.taps(); }

// The convolution's input, plain or blocked.
inline const float* input_of(py::handle array, const ConvShape& s, bool is_plain, Where where) {
  if (is_plain) {
    const ConstPlain x = const_plain(array, where.op, where.argument);
    expect_shape(x, s.n, s.c, s.h, s.w, where);
    return x.data;
  }
  const ConstTensor x = const_tensor(array, where.op, where.argument);
  expect_shape(x, s.n, blocks_of(s.c), s.h, s.w, where);
  return x.data;
}

// For methods that run kernels, as Module::def for functions.
using Guarded = py::call_guard<DeviceCall>;

}  // namespace pydarknet::bindings
