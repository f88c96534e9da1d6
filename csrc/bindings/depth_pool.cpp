#include "ops/depth_pool.h"

#include <algorithm>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// y, or its gradient, beside x: each of its channels is made of some of x.
void expect_fewer_channels(const ConstPlain& y, const ConstPlain& x, Where where) {
  expect_range(y.c, std::min(x.c, 1), x.c, where);
  expect_shape(y, x.n, y.c, x.h, x.w, where);
}

void py_depth_pool(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "depth_pool_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_fewer_channels(y, x, {op, "y"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  depth_pool_forward(x, y, stream_of(stream));
}

void py_depth_pool_backward(py::handle x_array, py::handle dy_array, py::handle dx_array, bool accumulate,
                            std::uintptr_t stream) {
  constexpr const char* op = "depth_pool_backward";
  const ConstPlain x = const_plain(x_array, op, "x"), dy = const_plain(dy_array, op, "dy");
  const Plain dx = plain(dx_array, op, "dx");
  expect_fewer_channels(dy, x, {op, "dy"});
  expect_like(dx, x, {op, "dx"});
  expect_another(dx.data, x.data, {op, "dx"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  depth_pool_backward(x, dy, dx, accumulate, stream_of(stream));
}

void bind_depth_pool(Module& m) {
  using py::arg;
  m.def("depth_pool_forward", &py_depth_pool, arg("x"), arg("y"), arg("stream") = 0,
        "Channel g of y is the maximum of the channels g, g + C(y), g + 2 C(y) ... of x. Plain");
  m.def("depth_pool_backward", &py_depth_pool_backward, arg("x"), arg("dy"), arg("dx"),
        arg("accumulate") = false, arg("stream") = 0,
        "Each dy to the first maximum; dx is written, or added to. Plain");
}

const Binding depth_pool_entries(&bind_depth_pool);

}  // namespace
}  // namespace pydarknet::bindings
