#include "ops/yolo.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_yolo(py::handle x_array, py::handle y_array, int anchors, int classes, float scale, bool new_coords,
             bool gaussian, std::uintptr_t stream) {
  constexpr const char* op = "yolo_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  expect_range(anchors, 1, kLargest, {op, "anchors"});
  expect_range(classes, 0, kLargest, {op, "classes"});
  const std::int64_t channels = std::int64_t{anchors} * ((gaussian ? 9 : 5) + classes);
  expect_shape(x, x.n, channels, x.h, x.w, {op, "x"});
  WithoutGil release;
  yolo_forward(x, y, {anchors, classes, scale, new_coords, gaussian}, stream_of(stream));
}

void bind_yolo(Module& m) {
  using py::arg;
  m.def("yolo_forward", &py_yolo, arg("x"), arg("y"), arg("anchors"), arg("classes"), arg("scale") = 1.0f,
        arg("new_coords") = false, arg("gaussian") = false, arg("stream") = 0,
        "[yolo]: logistic on all but w and h, on none with new_coords; x and y become scale * v - (scale - "
        "1) / 2; gaussian: an uncertainty follows each of x, y, w, h. Plain");
}

const Binding yolo_entries(&bind_yolo);

}  // namespace
}  // namespace pydarknet::bindings
