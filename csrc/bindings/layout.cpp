#include "ops/layout.h"

#include "bindings/lib/arrays.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

template <class X, class Y>
void check_same_pixels(const X& x, const Y& y, const char* op) {
  require(x.n == y.n && x.h == y.h && x.w == y.w, op, "x and y differ in images, height or width");
}

void py_to_blocked(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "to_blocked";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  check_same_pixels(x, y, op);
  require(y.blocks() == blocks_of(x.c), op, "y must have ceil(C / block) blocks");
  WithoutGil release;
  to_blocked(x, y, stream_of(stream));
}

void py_from_blocked(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  constexpr const char* op = "from_blocked";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  check_same_pixels(x, y, op);
  require(x.blocks() == blocks_of(y.c), op, "x must have ceil(C / block) blocks");
  WithoutGil release;
  from_blocked(x, y, stream_of(stream));
}

void bind_layout(Module& m) {
  using py::arg;
  m.def("to_blocked", &py_to_blocked, arg("x"), arg("y"), arg("stream") = 0, "NCHW to channel blocks");
  m.def("from_blocked", &py_from_blocked, arg("x"), arg("y"), arg("stream") = 0, "Channel blocks to NCHW");
}

const Binding layout_entries(&bind_layout);

}  // namespace
}  // namespace pydarknet::bindings
