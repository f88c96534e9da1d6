#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/local.h"

namespace pydarknet::bindings {
namespace {

void py_local(py::handle x_array, py::handle weights, py::handle biases, py::handle y_array, int kernel,
              int stride, int pad, const std::string& name, std::uintptr_t stream) {
  constexpr const char* op = "local_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  constexpr int kMost = 1 << 12;
  expect_range(kernel, 1, kMost, {op, "kernel"});
  expect_range(stride, 1, kMost, {op, "stride"});
  expect_range(pad, 0, kMost, {op, "pad"});
  expect_range(y.n, x.n, x.n, {op, "y"});
  // Darknet's own size, (side - 1) / stride + 1 with padding, is one less here for even kernels.
  const auto most = [&](std::int64_t side) {
    return side + 2 * pad < kernel ? 0 : (side + 2 * pad - kernel) / stride + 1;
  };
  expect_range(y.h, 0, most(x.h), {op, "y"});
  expect_range(y.w, 0, most(x.w), {op, "y"});
  const std::int64_t taps = std::int64_t{x.c} * kernel * kernel;
  require(y.image() == 0 || taps <= (std::int64_t{1} << 40) / y.image(), op, "argument 'weights': too large");
  const float* w = const_floats(weights, taps * y.image(), op, "weights");
  const float* b = const_floats(biases, y.image(), op, "biases");
  const Activation activation = activation_of(name, op);
  expect_apart(x.data, y.data, op);
  py::gil_scoped_release release;
  local_forward(x, w, b, y, {kernel, stride, pad}, activation, stream_of(stream));
}

}  // namespace

void bind_local(py::module_& m) {
  using py::arg;
  m.def("local_forward", &py_local, arg("x"), arg("weights"), arg("biases"), arg("y"), arg("kernel"),
        arg("stride"), arg("pad"), arg("activation") = "linear", arg("stream") = 0,
        "[local]: weights (H * W, K, C, kernel, kernel) and biases (K, H, W) of y (N, K, H, W). Plain");
}

}  // namespace pydarknet::bindings
