#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/crop.h"

namespace pydarknet::bindings {
namespace {

void py_crop(py::handle x_array, py::handle y_array, bool noadjust, std::uintptr_t stream) {
  constexpr const char* op = "crop_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_shape(y, x.n, x.c, y.h, y.w, {op, "y"});
  expect_range(y.h, 0, x.h, {op, "y"});
  expect_range(y.w, 0, x.w, {op, "y"});
  expect_apart(x.data, y.data, op);
  py::gil_scoped_release release;
  // Darknet maps 0..1 to -1..1 here.
  crop_forward(x, y, noadjust ? 1.0f : 2.0f, noadjust ? 0.0f : -1.0f, stream_of(stream));
}

}  // namespace

void bind_crop(py::module_& m) {
  using py::arg;
  m.def("crop_forward", &py_crop, arg("x"), arg("y"), arg("noadjust") = false, arg("stream") = 0,
        "[crop] outside training: the middle of x, as 2x - 1 unless noadjust. Plain");
}

}  // namespace pydarknet::bindings
