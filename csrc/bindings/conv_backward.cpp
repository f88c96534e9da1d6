#include "ops/conv_backward.h"

#include <pybind11/stl.h>

#include "bindings/lib/arrays.h"
#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"
#include "shared/threads.h"

namespace pydarknet::bindings {
namespace {

std::int64_t weights_of(const ConvShape& s) { return std::int64_t{s.k} * (s.c / s.groups) * s.taps(); }

ConstTensor dy_of(py::handle array, const ConvShape& s, const char* op) {
  const ConstTensor dy = const_tensor(array, op, "dy");
  expect_shape(dy, s.n, blocks_of(s.k), s.out_h(), s.out_w(), {op, "dy"});
  return dy;
}

void py_data_pack(const ConvShape& shape, const std::string& algorithm, py::handle weights_array,
                  py::handle packed_array, std::uintptr_t stream) {
  constexpr const char* op = "conv_data_pack";
  const float* from = const_floats(weights_array, weights_of(shape), op, "weights");
  float* to = packed_floats(packed_array, conv_data_packed_size(shape, algorithm), op, "packed");
  py::gil_scoped_release release;
  conv_data_pack(shape, algorithm, from, to, stream_of(stream));
}

std::int64_t py_data_workspace(const ConvShape& shape, const std::string& algorithm, bool accumulate) {
  return conv_data_workspace(shape, algorithm, accumulate, num_threads());
}

void py_backward_data(const ConvShape& shape, const std::string& algorithm, py::handle dy_array,
                      py::handle packed_array, py::handle dx_array, bool accumulate, py::handle workspace,
                      std::uintptr_t stream) {
  constexpr const char* op = "conv_backward_data";
  const ConstTensor dy = dy_of(dy_array, shape, op);
  const float* packed =
      const_packed_floats(packed_array, conv_data_packed_size(shape, algorithm), op, "packed");
  const Tensor dx = tensor(dx_array, op, "dx");
  expect_shape(dx, shape.n, blocks_of(shape.c), shape.h, shape.w, {op, "dx"});
  const RawArray scratch =
      workspace_floats(workspace, conv_data_workspace(shape, algorithm, accumulate, 1), op);
  require(dy.data != dx.data, op, "argument 'dx': must not be dy itself");
  py::gil_scoped_release release;
  conv_backward_data(shape, algorithm, dy, packed, dx, accumulate, static_cast<float*>(scratch.data),
                     scratch.size, stream_of(stream));
}

std::int64_t py_weights_workspace(const ConvShape& shape, bool plain) {
  return conv_weights_workspace(shape, plain, num_threads());
}

void py_backward_weights(const ConvShape& shape, py::handle x_array, py::handle dy_array,
                         py::handle dweights_array, py::handle workspace, std::uintptr_t stream) {
  constexpr const char* op = "conv_backward_weights";
  const ConstTensor x = const_tensor(x_array, op, "x"), dy = dy_of(dy_array, shape, op);
  expect_shape(x, shape.n, blocks_of(shape.c), shape.h, shape.w, {op, "x"});
  float* dweights = floats(dweights_array, weights_of(shape), op, "dweights");
  const RawArray scratch = workspace_floats(workspace, conv_weights_workspace(shape, false, 1), op);
  py::gil_scoped_release release;
  conv_backward_weights(shape, x, dy, dweights, static_cast<float*>(scratch.data), scratch.size,
                        stream_of(stream));
}

void py_backward_weights_plain(const ConvShape& shape, py::handle x_array, py::handle dy_array,
                               py::handle dweights_array, py::handle workspace, std::uintptr_t stream) {
  constexpr const char* op = "conv_backward_weights_plain";
  require(shape.groups == 1, op, shape.text() + ": expected one group; use conv_backward_weights");
  const ConstPlain x = const_plain(x_array, op, "x");
  const ConstTensor dy = dy_of(dy_array, shape, op);
  expect_shape(x, shape.n, shape.c, shape.h, shape.w, {op, "x"});
  float* dweights = floats(dweights_array, weights_of(shape), op, "dweights");
  const RawArray scratch = workspace_floats(workspace, conv_weights_workspace(shape, true, 1), op);
  py::gil_scoped_release release;
  conv_backward_weights(shape, x, dy, dweights, static_cast<float*>(scratch.data), scratch.size,
                        stream_of(stream));
}

void bind_conv_backward(Module& m) {
  using py::arg;
  m.def("conv_data_algorithms", &conv_data_algorithms, arg("shape"), arg("max_packed_bytes"),
        "Names of the usable algorithms for the gradient to the input, fastest first");
  m.def("conv_data_packed_size", &conv_data_packed_size, arg("shape"), arg("algorithm"),
        "Floats of the packed weights");
  m.def("conv_data_pack", &py_data_pack, arg("shape"), arg("algorithm"), arg("weights"), arg("packed"),
        arg("stream") = 0, "Weights (K, C / groups, R, S), transposed, into the algorithm's own layout");
  m.def("conv_data_workspace", &py_data_workspace, arg("shape"), arg("algorithm"), arg("accumulate") = true,
        "Floats of workspace for the current number of threads");
  m.def("conv_backward_data", &py_backward_data, arg("shape"), arg("algorithm"), arg("dy"), arg("packed"),
        arg("dx"), arg("accumulate"), arg("workspace"), arg("stream") = 0,
        "dx = (or +=) the gradient to the input; dy and dx blocked");
  m.def("conv_weights_workspace", &py_weights_workspace, arg("shape"), arg("plain") = false,
        "Floats of workspace for the current number of threads");
  m.def("conv_backward_weights", &py_backward_weights, arg("shape"), arg("x"), arg("dy"), arg("dweights"),
        arg("workspace"), arg("stream") = 0,
        "dweights (K, C / groups, R, S) += the gradient; x and dy blocked");
  m.def("conv_backward_weights_plain", &py_backward_weights_plain, arg("shape"), arg("x"), arg("dy"),
        arg("dweights"), arg("workspace"), arg("stream") = 0,
        "dweights (K, C, R, S) += the gradient; x plain, dy blocked");
}

const Binding conv_backward_entries(&bind_conv_backward);

}  // namespace
}  // namespace pydarknet::bindings
