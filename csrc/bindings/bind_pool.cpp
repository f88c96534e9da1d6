#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/pool.h"

namespace pydarknet::bindings {
namespace {

void py_maxpool(py::handle x_array, py::handle y_array, int size, int stride, int padding,
                std::uintptr_t stream) {
  constexpr const char* op = "maxpool_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_range(size, 1, kLargest, {op, "size"});
  expect_range(stride, 1, kLargest, {op, "stride"});
  expect_range(padding, 0, kLargest, {op, "padding"});
  const auto out = [&](std::int64_t side) { return (side + padding - size) / stride + 1; };
  expect_shape(y, x.n, x.blocks(), out(x.h), out(x.w), {op, "y"});
  expect_apart(x.data, y.data, op);
  py::gil_scoped_release release;
  maxpool_forward(x, y, size, stride, padding, stream_of(stream));
}

void py_avgpool(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "avgpool_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_shape(y, x.n, x.blocks(), 1, 1, {op, "y"});
  py::gil_scoped_release release;
  avgpool_forward(x, y, stream_of(stream));
}

}  // namespace

void bind_pool(py::module_& m) {
  using py::arg;
  m.def("maxpool_forward", &py_maxpool, arg("x"), arg("y"), arg("size"), arg("stride"), arg("padding"),
        arg("stream") = 0, "Maximum over windows; padding is Darknet's total. Blocked");
  m.def("avgpool_forward", &py_avgpool, arg("x"), arg("y"), arg("stream") = 0,
        "Mean of each channel, into (N, C, 1, 1). Blocked");
}

}  // namespace pydarknet::bindings
