#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/upsample.h"

namespace pydarknet::bindings {
namespace {

void py_upsample(py::handle x_array, py::handle y_array, int stride, float scale, std::uintptr_t stream) {
  constexpr const char* op = "upsample_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_range(stride, -kLargest, kLargest, {op, "stride"});
  if (stride == 0) Where{op, "stride"}.fail("expected a positive or negative number, found 0");
  if (stride > 0) {
    expect_shape(y, x.n, x.blocks(), std::int64_t{x.h} * stride, std::int64_t{x.w} * stride, {op, "y"});
  } else {
    require(x.h % stride == 0 && x.w % stride == 0, op,
            "argument 'stride': must divide height and width of x");
    expect_shape(y, x.n, x.blocks(), x.h / -stride, x.w / -stride, {op, "y"});
  }
  expect_apart(x.data, y.data, op);
  py::gil_scoped_release release;
  upsample_forward(x, y, stride, scale, stream_of(stream));
}

}  // namespace

void bind_upsample(py::module_& m) {
  using py::arg;
  m.def("upsample_forward", &py_upsample, arg("x"), arg("y"), arg("stride"), arg("scale") = 1.0f,
        arg("stream") = 0, "Repeats pixels; a negative stride sums tiles instead. Blocked");
}

}  // namespace pydarknet::bindings
