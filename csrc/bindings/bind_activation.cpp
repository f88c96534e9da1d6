#include "bindings/bind.h"
#include "bindings/checks.h"

namespace pydarknet::bindings {
namespace {

void py_activate(py::handle x_array, const std::string& name, std::uintptr_t stream) {
  constexpr const char* op = "activate";
  const RawArray x = raw_array(x_array, "<f4", true, {op, "x"});
  const Activation activation = activation_of(name, op);
  py::gil_scoped_release release;
  activate(static_cast<float*>(x.data), x.size, activation, stream_of(stream));
}

void py_activate_backward(py::handle y_array, py::handle dy_array, const std::string& name,
                          std::uintptr_t stream) {
  constexpr const char* op = "activate_backward";
  const RawArray y = raw_array(y_array, "<f4", false, {op, "y"});
  const RawArray dy = raw_array(dy_array, "<f4", true, {op, "dy"});
  expect_range(dy.size, y.size, y.size, {op, "dy"});
  const Activation activation = activation_of(name, op);
  if (!trainable(activation)) {
    Where{op, "activation"}.fail("'" + name + "' is not trainable: its slope needs the input");
  }
  py::gil_scoped_release release;
  activate_backward(static_cast<const float*>(y.data), static_cast<float*>(dy.data), y.size, activation,
                    stream_of(stream));
}

}  // namespace

void bind_activation(Module& m) {
  using py::arg;
  m.def("activate", &py_activate, arg("x"), arg("activation"), arg("stream") = 0,
        "x = activation(x), for an array of any shape");
  m.def("activate_backward", &py_activate_backward, arg("y"), arg("dy"), arg("activation"), arg("stream") = 0,
        "dy *= the activation's slope where its output is y, for arrays of any shape");
}

}  // namespace pydarknet::bindings
