#include <algorithm>

#include "bindings/bind.h"
#include "bindings/checks.h"
#include "ops/shortcut.h"

namespace pydarknet::bindings {
namespace {

bool same_sampling(int x_h, int x_w, int add_h, int add_w) {
  if (!x_h || !x_w || !add_h || !add_w) return false;
  const auto factor = [](int larger, int smaller) { return std::max(larger / smaller, 1); };
  return factor(x_h, add_h) == factor(x_w, add_w) && factor(add_h, x_h) == factor(add_w, x_w);
}

void py_shortcut(py::handle x_array, py::handle add_array, py::handle y_array, int channels_x,
                 int channels_add, float alpha, float beta, std::uintptr_t stream) {
  constexpr const char* op = "shortcut_forward";
  const ConstTensor x = const_tensor(x_array, op, "x"), add = const_tensor(add_array, op, "add");
  const Tensor y = tensor(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  expect_range(add.n, x.n, x.n, {op, "add"});
  expect_range(channels_x, 0, x.c, {op, "channels_x"});
  expect_range(channels_add, 0, add.c, {op, "channels_add"});
  const bool same_size = x.h == add.h && x.w == add.w;
  require(same_size || same_sampling(x.h, x.w, add.h, add.w), op,
          "argument 'add': height and width differ from x by different whole factors, or one is empty");
  py::gil_scoped_release release;
  shortcut_forward(x, add, y, channels_x, channels_add, alpha, beta, stream_of(stream));
}

}  // namespace

void bind_shortcut(py::module_& m) {
  using py::arg;
  m.def("shortcut_forward", &py_shortcut, arg("x"), arg("add"), arg("y"), arg("channels_x"),
        arg("channels_add"), arg("alpha") = 1.0f, arg("beta") = 1.0f, arg("stream") = 0,
        "y = alpha * x + beta * add where both exist, x elsewhere; y may be x. Blocked");
}

}  // namespace pydarknet::bindings
