#include "ops/normalization.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_lrn(py::handle x_array, py::handle y_array, int size, float alpha, float beta, float kappa,
            std::uintptr_t stream) {
  constexpr const char* op = "lrn_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  expect_range(size, 1, kLargest, {op, "size"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  lrn_forward(x, y, {size, alpha, beta, kappa}, stream_of(stream));
}

void py_lrn_backward(py::handle x_array, py::handle dy_array, py::handle dx_array, int size, float alpha,
                     float beta, float kappa, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "lrn_backward";
  const ConstPlain x = const_plain(x_array, op, "x"), dy = const_plain(dy_array, op, "dy");
  const Plain dx = plain(dx_array, op, "dx");
  expect_like(dy, x, {op, "dy"});
  expect_like(dx, x, {op, "dx"});
  expect_range(size, 1, kLargest, {op, "size"});
  expect_another(dx.data, x.data, {op, "dx"});
  WithoutGil release;
  lrn_backward(x, dy, dx, {size, alpha, beta, kappa}, accumulate, stream_of(stream));
}

void bind_normalization(Module& m) {
  using py::arg;
  m.def("lrn_forward", &py_lrn, arg("x"), arg("y"), arg("size"), arg("alpha"), arg("beta"), arg("kappa"),
        arg("stream") = 0, "[normalization]: local response normalisation across channels. Plain");
  m.def("lrn_backward", &py_lrn_backward, arg("x"), arg("dy"), arg("dx"), arg("size"), arg("alpha"),
        arg("beta"), arg("kappa"), arg("accumulate") = false, arg("stream") = 0,
        "Darknet's approximate gradient, with the norms as constants; dx is written, or added to. Plain");
}

const Binding normalization_entries(&bind_normalization);

}  // namespace
}  // namespace pydarknet::bindings
