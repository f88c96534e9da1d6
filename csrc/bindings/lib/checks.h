// Checks that several ops share. All throw ValueError naming op and argument.
#pragma once
#include <initializer_list>

#include "bindings/lib/arrays.h"
#include "ops/activation.h"

namespace pydarknet::bindings {

// "(2, 3, 5)"
std::string shape_text(std::initializer_list<std::int64_t> shape);

// Blocked: n images of `blocks` channel blocks, h x w. Plain: n images of c channels, h x w.
void expect_shape(const ConstTensor& found, int n, int blocks, std::int64_t h, std::int64_t w, Where where);
void expect_shape(const ConstPlain& found, int n, std::int64_t c, std::int64_t h, std::int64_t w,
                  Where where);
inline void expect_like(const ConstTensor& found, const ConstTensor& x, Where where) {
  expect_shape(found, x.n, x.blocks(), x.h, x.w, where);
}
inline void expect_like(const ConstPlain& found, const ConstPlain& x, Where where) {
  expect_shape(found, x.n, x.c, x.h, x.w, where);
}

// Geometry stays far from the ends of int, so that sums of it don't overflow.
inline constexpr int kLargest = 1 << 24;
void expect_range(std::int64_t value, std::int64_t low, std::int64_t high, Where where);

// `channels` end in the last block of x.
void expect_channels(int channels, const ConstTensor& x, Where where);

// For ops that read `other` after they have begun to write `found`.
void expect_another(const void* found, const void* other, Where where);

// For ops that read x after they have begun to write y.
void expect_apart(const void* x, const void* y, const char* op);

// The value of an Activation.
Activation activation_of(py::handle object, const char* op);

}  // namespace pydarknet::bindings
