#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/batchnorm.h"

namespace pydarknet::bindings {
namespace {

void py_scale_bias(py::handle x_array, py::handle scale_array, py::handle bias_array, py::handle y_array,
                   std::uintptr_t stream) {
  constexpr const char* op = "scale_bias";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const RawArray scale = raw_array(scale_array, "<f4", false, {op, "scale"});
  const RawArray bias = raw_array(bias_array, "<f4", false, {op, "bias"});
  const Tensor y = tensor(y_array, op, "y");
  expect_range(scale.size, x.blocks() ? x.c - kBlock + 1 : 0, x.c, {op, "scale"});
  expect_range(bias.size, scale.size, scale.size, {op, "bias"});
  expect_like(y, x, {op, "y"});
  py::gil_scoped_release release;
  scale_bias(x, static_cast<const float*>(scale.data), static_cast<const float*>(bias.data),
             static_cast<int>(scale.size), y, stream_of(stream));
}

}  // namespace

void bind_batchnorm(py::module_& m) {
  using py::arg;
  m.def("scale_bias", &py_scale_bias, arg("x"), arg("scale"), arg("bias"), arg("y"), arg("stream") = 0,
        "y = x * scale + bias per channel; scale and bias hold C floats, y may be x. Blocked");
}

}  // namespace pydarknet::bindings
