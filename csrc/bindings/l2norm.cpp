#include "ops/l2norm.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_l2norm(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "l2norm_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  WithoutGil release;
  l2norm_forward(x, y, stream_of(stream));
}

void bind_l2norm(Module& m) {
  using py::arg;
  m.def("l2norm_forward", &py_l2norm, arg("x"), arg("y"), arg("stream") = 0,
        "[l2norm]: each pixel's channels to unit length. Plain");
}

const Binding l2norm_entries(&bind_l2norm);

}  // namespace
}  // namespace pydarknet::bindings
