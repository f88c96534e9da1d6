#include "ops/pool.h"

#include <pybind11/stl.h>

#include <utility>
#include <variant>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// One stride for both axes, or (from row to row, from column to column).
using Stride = std::variant<int, std::pair<int, int>>;

// The windows over x; y, which may be a gradient, has the size that they give.
PoolWindows windows_of(const ConstTensor& x, const ConstTensor& y, int size, const Stride& stride,
                       int padding, Where where) {
  const char* op = where.op;
  const int* const both = std::get_if<int>(&stride);
  const auto [down, across] = both ? std::pair(*both, *both) : std::get<1>(stride);
  expect_range(size, 1, kLargest, {op, "size"});
  expect_range(down, 1, kLargest, {op, "stride"});
  expect_range(across, 1, kLargest, {op, "stride"});
  expect_range(padding, 0, kLargest, {op, "padding"});
  const auto out = [&](std::int64_t side, int step) { return (side + padding - size) / step + 1; };
  expect_shape(y, x.n, x.blocks(), out(x.h, down), out(x.w, across), where);
  return {size, down, across, padding};
}

void py_maxpool(py::handle x_array, py::handle y_array, int size, const Stride& stride, int padding,
                std::uintptr_t stream) {
  constexpr const char* op = "maxpool_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  const PoolWindows windows = windows_of(x, y, size, stride, padding, {op, "y"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  maxpool_forward(x, y, windows, stream_of(stream));
}

void py_avgpool(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "avgpool_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_shape(y, x.n, x.blocks(), 1, 1, {op, "y"});
  WithoutGil release;
  avgpool_forward(x, y, stream_of(stream));
}

void py_maxpool_backward(py::handle x_array, py::handle dy_array, py::handle dx_array, int size,
                         const Stride& stride, int padding, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "maxpool_backward";
  const ConstTensor x = const_tensor(x_array, op, "x"), dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  const PoolWindows windows = windows_of(x, dy, size, stride, padding, {op, "dy"});
  expect_like(dx, x, {op, "dx"});
  expect_another(dx.data, x.data, {op, "dx"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  maxpool_backward(x, dy, dx, windows, accumulate, stream_of(stream));
}

void py_avgpool_backward(py::handle dy_array, py::handle dx_array, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "avgpool_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  expect_shape(dy, dx.n, dx.blocks(), 1, 1, {op, "dy"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  avgpool_backward(dy, dx, accumulate, stream_of(stream));
}

void py_local_avgpool(py::handle x_array, py::handle y_array, int size, const Stride& stride, int padding,
                      std::uintptr_t stream) {
  constexpr const char* op = "local_avgpool_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  const PoolWindows windows = windows_of(x, y, size, stride, padding, {op, "y"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  local_avgpool_forward(x, y, windows, stream_of(stream));
}

void py_local_avgpool_backward(py::handle dy_array, py::handle dx_array, int size, const Stride& stride,
                               int padding, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "local_avgpool_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  const PoolWindows windows = windows_of(dx, dy, size, stride, padding, {op, "dy"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  local_avgpool_backward(dy, dx, windows, accumulate, stream_of(stream));
}

void bind_pool(Module& m) {
  using py::arg;
  m.def("maxpool_forward", &py_maxpool, arg("x"), arg("y"), arg("size"), arg("stride"), arg("padding"),
        arg("stream") = 0,
        "Maximum over windows; stride is one number or (down, across), padding Darknet's total. Blocked");
  m.def("avgpool_forward", &py_avgpool, arg("x"), arg("y"), arg("stream") = 0,
        "Mean of each channel, into (N, C, 1, 1). Blocked");
  m.def("maxpool_backward", &py_maxpool_backward, arg("x"), arg("dy"), arg("dx"), arg("size"), arg("stride"),
        arg("padding"), arg("accumulate") = false, arg("stream") = 0,
        "Each dy to the first maximum of its window; dx is written, or added to. Blocked");
  m.def("avgpool_backward", &py_avgpool_backward, arg("dy"), arg("dx"), arg("accumulate") = false,
        arg("stream") = 0, "dy / pixels to every pixel; dx is written, or added to. Blocked");
  m.def("local_avgpool_forward", &py_local_avgpool, arg("x"), arg("y"), arg("size"), arg("stride"),
        arg("padding"), arg("stream") = 0,
        "Mean of each window's pixels inside; as maxpool_forward. Blocked");
  m.def("local_avgpool_backward", &py_local_avgpool_backward, arg("dy"), arg("dx"), arg("size"),
        arg("stride"), arg("padding"), arg("accumulate") = false, arg("stream") = 0,
        "dy / pixels to every pixel of its window; dx is written, or added to. Blocked");
}

const Binding pool_entries(&bind_pool);

}  // namespace
}  // namespace pydarknet::bindings
