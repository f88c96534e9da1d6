#include "ops/multiply.h"

#include <string>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// The factor, or its gradient, has the shape that `of` gives it beside x.
FactorOf factor_of(const std::string& of, const ConstTensor& x, const ConstTensor& factor, Where where) {
  if (of == "number") return expect_like(factor, x, where), FactorOf::kNumber;
  if (of == "channel") return expect_shape(factor, x.n, x.blocks(), 1, 1, where), FactorOf::kChannel;
  if (of == "pixel") return expect_shape(factor, x.n, 1, x.h, x.w, where), FactorOf::kPixel;
  Where{where.op, "of"}.fail("expected 'number', 'channel' or 'pixel'");
}

void py_multiply(py::handle x_array, py::handle factor_array, py::handle y_array, const std::string& of,
                 std::uintptr_t stream) {
  constexpr const char* op = "multiply_forward";
  const ConstTensor x = const_tensor(x_array, op, "x"), factor = const_tensor(factor_array, op, "factor");
  const Tensor y = tensor(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  const FactorOf kind = factor_of(of, x, factor, {op, "factor"});
  if (kind != FactorOf::kNumber) expect_another(y.data, factor.data, {op, "y"});
  WithoutGil release;
  multiply_forward(x, factor, y, kind, stream_of(stream));
}

void py_multiply_backward(py::handle x_array, py::handle dy_array, py::handle dfactor_array, int channels,
                          const std::string& of, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "multiply_backward";
  const ConstTensor x = const_tensor(x_array, op, "x"), dy = const_tensor(dy_array, op, "dy");
  const Tensor dfactor = tensor(dfactor_array, op, "dfactor");
  expect_like(dy, x, {op, "dy"});
  expect_channels(channels, x, {op, "channels"});
  const FactorOf kind = factor_of(of, x, dfactor, {op, "dfactor"});
  expect_another(dfactor.data, x.data, {op, "dfactor"});
  expect_another(dfactor.data, dy.data, {op, "dfactor"});
  WithoutGil release;
  multiply_backward(x, dy, dfactor, channels, kind, accumulate, stream_of(stream));
}

void bind_multiply(Module& m) {
  using py::arg;
  m.def("multiply_forward", &py_multiply, arg("x"), arg("factor"), arg("y"), arg("of"), arg("stream") = 0,
        "y = x * factor, which is one of each 'number', 'channel' or 'pixel' of x; y may be x. Blocked");
  m.def("multiply_backward", &py_multiply_backward, arg("x"), arg("dy"), arg("dfactor"), arg("channels"),
        arg("of"), arg("accumulate") = false, arg("stream") = 0,
        "The gradient to the factor, written or added to; that to x is multiply_forward of dy. Blocked");
}

const Binding multiply_entries(&bind_multiply);

}  // namespace
}  // namespace pydarknet::bindings
