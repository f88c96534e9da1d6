#include "ops/upsample.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// y, which may be a gradient, is x enlarged or reduced.
void check_resampled(const ConstTensor& x, const ConstTensor& y, int stride, Where where) {
  const char* op = where.op;
  expect_range(stride, -kLargest, kLargest, {op, "stride"});
  if (stride == 0) Where{op, "stride"}.fail("expected a positive or negative number, found 0");
  if (stride > 0) {
    expect_shape(y, x.n, x.blocks(), std::int64_t{x.h} * stride, std::int64_t{x.w} * stride, where);
  } else {
    require(x.h % stride == 0 && x.w % stride == 0, op,
            "argument 'stride': must divide height and width of x");
    expect_shape(y, x.n, x.blocks(), x.h / -stride, x.w / -stride, where);
  }
}

void py_upsample(py::handle x_array, py::handle y_array, int stride, float scale, std::uintptr_t stream) {
  constexpr const char* op = "upsample_forward";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  check_resampled(x, y, stride, {op, "y"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  upsample_forward(x, y, stride, scale, stream_of(stream));
}

void py_upsample_backward(py::handle dy_array, py::handle dx_array, int stride, float scale, bool accumulate,
                          std::uintptr_t stream) {
  constexpr const char* op = "upsample_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  check_resampled(dx, dy, stride, {op, "dy"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  upsample_backward(dy, dx, stride, scale, accumulate, stream_of(stream));
}

void bind_upsample(Module& m) {
  using py::arg;
  m.def("upsample_forward", &py_upsample, arg("x"), arg("y"), arg("stride"), arg("scale") = 1.0f,
        arg("stream") = 0, "Repeats pixels; a negative stride sums tiles instead. Blocked");
  m.def("upsample_backward", &py_upsample_backward, arg("dy"), arg("dx"), arg("stride"), arg("scale") = 1.0f,
        arg("accumulate") = false, arg("stream") = 0,
        "The gradient of upsample_forward; dx is written, or added to. Blocked");
}

const Binding upsample_entries(&bind_upsample);

}  // namespace
}  // namespace pydarknet::bindings
