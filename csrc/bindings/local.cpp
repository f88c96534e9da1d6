#include "ops/local.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// Floats of the weights; y may be a gradient.
std::int64_t check_local(const ConstPlain& x, const ConstPlain& y, LocalShape shape, Where where) {
  const char* op = where.op;
  constexpr int kMost = 1 << 12;
  expect_range(shape.kernel, 1, kMost, {op, "kernel"});
  expect_range(shape.stride, 1, kMost, {op, "stride"});
  expect_range(shape.pad, 0, kMost, {op, "pad"});
  expect_range(y.n, x.n, x.n, where);
  // Darknet's own size, (side - 1) / stride + 1 with padding, is one less here for even kernels.
  const auto most = [&](std::int64_t side) {
    const std::int64_t padded = side + 2 * shape.pad;
    return padded < shape.kernel ? 0 : (padded - shape.kernel) / shape.stride + 1;
  };
  expect_range(y.h, 0, most(x.h), where);
  expect_range(y.w, 0, most(x.w), where);
  const std::int64_t taps = std::int64_t{x.c} * shape.kernel * shape.kernel;
  require(y.image() == 0 || taps <= (std::int64_t{1} << 40) / y.image(), op, "argument 'weights': too large");
  return taps * y.image();
}

void py_local(py::handle x_array, py::handle weights, py::handle biases, py::handle y_array, int kernel,
              int stride, int pad, py::handle activation_object, std::uintptr_t stream) {
  constexpr const char* op = "local_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  const LocalShape shape{kernel, stride, pad};
  const std::int64_t size = check_local(x, y, shape, {op, "y"});
  const float* w = const_floats(weights, size, op, "weights");
  const float* b = const_floats(biases, y.image(), op, "biases");
  const Activation activation = activation_of(activation_object, op);
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  local_forward(x, w, b, y, shape, activation, stream_of(stream));
}

void py_local_backward(py::handle x_array, py::handle weights, py::handle dy_array, py::handle dx_array,
                       py::handle dweights, py::handle dbiases, int kernel, int stride, int pad,
                       bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "local_backward";
  const ConstPlain x = const_plain(x_array, op, "x"), dy = const_plain(dy_array, op, "dy");
  const LocalShape shape{kernel, stride, pad};
  const std::int64_t size = check_local(x, dy, shape, {op, "dy"});
  const float* w = const_floats(weights, size, op, "weights");
  LocalGradients gradients{
      {}, accumulate, floats(dweights, size, op, "dweights"), floats(dbiases, dy.image(), op, "dbiases")};
  if (!dx_array.is_none()) {
    gradients.dx = plain(dx_array, op, "dx");
    expect_like(gradients.dx, x, {op, "dx"});
    expect_another(gradients.dx.data, dy.data, {op, "dx"});
  }
  WithoutGil release;
  local_backward(x, w, dy, gradients, shape, stream_of(stream));
}

void bind_local(Module& m) {
  using py::arg;
  m.def("local_forward", &py_local, arg("x"), arg("weights"), arg("biases"), arg("y"), arg("kernel"),
        arg("stride"), arg("pad"), arg("activation"), arg("stream") = 0,
        "[local]: weights (H * W, K, C, kernel, kernel) and biases (K, H, W) of y (N, K, H, W). Plain");
  m.def("local_backward", &py_local_backward, arg("x"), arg("weights"), arg("dy"), arg("dx"), arg("dweights"),
        arg("dbiases"), arg("kernel"), arg("stride"), arg("pad"), arg("accumulate") = false,
        arg("stream") = 0,
        "Adds to dweights and dbiases; dx is written, or added to, or None; dy is the gradient before the "
        "activation. Plain");
}

const Binding local_entries(&bind_local);

}  // namespace
}  // namespace pydarknet::bindings
