#include "ops/crop.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// Darknet maps 0..1 to -1..1 here.
constexpr float scale_of(bool noadjust) { return noadjust ? 1.0f : 2.0f; }
constexpr float shift_of(bool noadjust) { return noadjust ? 0.0f : -1.0f; }

void check_part(const ConstPlain& x, const ConstPlain& y, const char* op) {
  expect_shape(y, x.n, x.c, y.h, y.w, {op, "y"});
  expect_range(y.h, 0, x.h, {op, "y"});
  expect_range(y.w, 0, x.w, {op, "y"});
  expect_apart(x.data, y.data, op);
}

void py_crop(py::handle x_array, py::handle y_array, bool noadjust, std::uintptr_t stream) {
  constexpr const char* op = "crop_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  check_part(x, y, op);
  WithoutGil release;
  crop_forward(x, y, scale_of(noadjust), shift_of(noadjust), stream_of(stream));
}

void py_crop_train(py::handle x_array, py::handle y_array, int top, int left, bool flip, bool noadjust,
                   std::uintptr_t stream) {
  constexpr const char* op = "crop_train";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  check_part(x, y, op);
  expect_range(top, 0, x.h - y.h, {op, "top"});
  expect_range(left, 0, x.w - y.w, {op, "left"});
  WithoutGil release;
  crop_train(x, y, {top, left, flip}, scale_of(noadjust), shift_of(noadjust), stream_of(stream));
}

void bind_crop(Module& m) {
  using py::arg;
  m.def("crop_forward", &py_crop, arg("x"), arg("y"), arg("noadjust") = false, arg("stream") = 0,
        "[crop] outside training: the middle of x, as 2x - 1 unless noadjust. Plain");
  m.def("crop_train", &py_crop_train, arg("x"), arg("y"), arg("top"), arg("left"), arg("flip"),
        arg("noadjust") = false, arg("stream") = 0,
        "[crop] in training: a given part of x, mirrored with flip, as 2x - 1 unless noadjust. Plain");
}

const Binding crop_entries(&bind_crop);

}  // namespace
}  // namespace pydarknet::bindings
