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

}  // namespace

void bind_activation(py::module_& m) {
  using py::arg;
  m.def("activate", &py_activate, arg("x"), arg("activation"), arg("stream") = 0,
        "x = activation(x), for an array of any shape");
}

}  // namespace pydarknet::bindings
