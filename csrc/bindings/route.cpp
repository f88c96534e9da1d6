#include "ops/route.h"

#include <algorithm>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_copy_channels(py::handle x_array, py::handle y_array, int offset, int channels,
                      std::uintptr_t stream) {
  constexpr const char* op = "copy_channels";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_shape(y, x.n, y.blocks(), x.h, x.w, {op, "y"});
  expect_range(channels, 0, x.c, {op, "channels"});
  expect_range(offset, 0, std::int64_t{y.c} - channels, {op, "offset"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  copy_channels(x, y, offset, channels, stream_of(stream));
}

void py_add_channels(py::handle x_array, py::handle y_array, int x_offset, int y_offset, int channels,
                     bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "add_channels";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_shape(y, x.n, y.blocks(), x.h, x.w, {op, "y"});
  expect_range(channels, 0, std::min(x.c, y.c), {op, "channels"});
  expect_range(x_offset, 0, std::int64_t{x.c} - channels, {op, "x_offset"});
  expect_range(y_offset, 0, std::int64_t{y.c} - channels, {op, "y_offset"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  add_channels(x, y, {x_offset, y_offset, channels}, accumulate, stream_of(stream));
}

void bind_route(Module& m) {
  using py::arg;
  m.def("copy_channels", &py_copy_channels, arg("x"), arg("y"), arg("offset"), arg("channels"),
        arg("stream") = 0,
        "The first `channels` of x to y from channel `offset` on; parts of y in ascending order. Blocked");
  m.def("add_channels", &py_add_channels, arg("x"), arg("y"), arg("x_offset"), arg("y_offset"),
        arg("channels"), arg("accumulate") = false, arg("stream") = 0,
        "`channels` of x from x_offset on to those of y from y_offset on, written or added. Blocked");
}

const Binding route_entries(&bind_route);

}  // namespace
}  // namespace pydarknet::bindings
