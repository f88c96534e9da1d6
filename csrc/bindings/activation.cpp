#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_activate(py::handle x_array, py::handle activation_object, std::uintptr_t stream) {
  constexpr const char* op = "activate";
  const RawArray x = raw_array(x_array, "<f4", true, {op, "x"});
  const Activation activation = activation_of(activation_object, op);
  WithoutGil release;
  float* const data = static_cast<float*>(x.data);
  activate(data, data, x.size, activation, stream_of(stream));
}

void py_activate_to(py::handle x_array, py::handle y_array, py::handle activation_object,
                    std::uintptr_t stream) {
  constexpr const char* op = "activate_to";
  const RawArray x = raw_array(x_array, "<f4", false, {op, "x"});
  const RawArray y = raw_array(y_array, "<f4", true, {op, "y"});
  expect_range(y.size, x.size, x.size, {op, "y"});
  const Activation activation = activation_of(activation_object, op);
  WithoutGil release;
  activate(static_cast<const float*>(x.data), static_cast<float*>(y.data), x.size, activation,
           stream_of(stream));
}

void py_activate_backward(py::handle v_array, py::handle dy_array, py::handle activation_object,
                          std::uintptr_t stream) {
  constexpr const char* op = "activate_backward";
  const RawArray v = raw_array(v_array, "<f4", false, {op, "v"});
  const RawArray dy = raw_array(dy_array, "<f4", true, {op, "dy"});
  expect_range(dy.size, v.size, v.size, {op, "dy"});
  const Activation activation = activation_of(activation_object, op);
  WithoutGil release;
  activate_backward(static_cast<const float*>(v.data), static_cast<float*>(dy.data), v.size, activation,
                    stream_of(stream));
}

void bind_activation(Module& m) {
  using py::arg;
  py::class_<Activation>(m, "Activation", py::module_local(), "An activation; ValueError for a name of none")
      .def(py::init(&parse_activation), arg("name"));
  m.def("activate", &py_activate, arg("x"), arg("activation"), arg("stream") = 0,
        "x = activation(x), for an array of any shape");
  m.def("activate_to", &py_activate_to, arg("x"), arg("y"), arg("activation"), arg("stream") = 0,
        "y = activation(x), for arrays of any shape");
  m.def("activate_backward", &py_activate_backward, arg("v"), arg("dy"), arg("activation"), arg("stream") = 0,
        "dy *= the activation's slope where its output (of swish, mish, hard_mish and gelu its input) is v, "
        "for "
        "arrays of any shape");
}

const Binding activation_entries(&bind_activation);

}  // namespace
}  // namespace pydarknet::bindings
