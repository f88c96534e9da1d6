#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/normalization.h"

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
  py::gil_scoped_release release;
  lrn_forward(x, y, size, alpha, beta, kappa, stream_of(stream));
}

}  // namespace

void bind_normalization(py::module_& m) {
  using py::arg;
  m.def("lrn_forward", &py_lrn, arg("x"), arg("y"), arg("size"), arg("alpha"), arg("beta"), arg("kappa"),
        arg("stream") = 0, "[normalization]: local response normalisation across channels. Plain");
}

}  // namespace pydarknet::bindings
