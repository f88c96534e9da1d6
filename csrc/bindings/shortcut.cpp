#include "ops/shortcut.h"

#include <algorithm>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

bool same_sampling(int x_h, int x_w, int add_h, int add_w) {
  if (!x_h || !x_w || !add_h || !add_w) return false;
  const auto factor = [](int larger, int smaller) { return std::max(larger / smaller, 1); };
  return factor(x_h, add_h) == factor(x_w, add_w) && factor(add_h, x_h) == factor(add_w, x_w);
}

// x, or its gradient, and what is added to it.
void check_partners(const ConstTensor& x, const ConstTensor& add, int channels_x, int channels_add,
                    Where where) {
  const char* op = where.op;
  expect_range(add.n, x.n, x.n, where);
  expect_range(channels_x, 0, x.c, {op, "channels_x"});
  expect_range(channels_add, 0, add.c, {op, "channels_add"});
  const bool same_size = x.h == add.h && x.w == add.w;
  if (!same_size && !same_sampling(x.h, x.w, add.h, add.w)) {
    where.fail("height and width differ from x by different whole factors, or one is empty");
  }
}

void py_shortcut(py::handle x_array, py::handle add_array, py::handle y_array, int channels_x,
                 int channels_add, float alpha, float beta, std::uintptr_t stream) {
  constexpr const char* op = "shortcut_forward";
  const ConstTensor x = const_tensor(x_array, op, "x"), add = const_tensor(add_array, op, "add");
  const Tensor y = tensor(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  check_partners(x, add, channels_x, channels_add, {op, "add"});
  WithoutGil release;
  shortcut_forward(x, add, y, channels_x, channels_add, alpha, beta, stream_of(stream));
}

void py_shortcut_backward(py::handle dy_array, py::handle dx_array, py::handle dadd_array, int channels_x,
                          int channels_add, float alpha, float beta, bool accumulate_x, bool accumulate_add,
                          std::uintptr_t stream) {
  constexpr const char* op = "shortcut_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  ShortcutGradients gradients{{}, {}, accumulate_x, accumulate_add};
  if (!dx_array.is_none()) {
    gradients.dx = tensor(dx_array, op, "dx");
    expect_like(gradients.dx, dy, {op, "dx"});
  }
  if (!dadd_array.is_none()) {
    gradients.dadd = tensor(dadd_array, op, "dadd");
    check_partners(dy, gradients.dadd, channels_x, channels_add, {op, "dadd"});
    expect_another(gradients.dadd.data, dy.data, {op, "dadd"});
    expect_another(gradients.dadd.data, gradients.dx.data, {op, "dadd"});
  }
  WithoutGil release;
  shortcut_backward(dy, gradients, channels_x, channels_add, alpha, beta, stream_of(stream));
}

void bind_shortcut(Module& m) {
  using py::arg;
  m.def("shortcut_forward", &py_shortcut, arg("x"), arg("add"), arg("y"), arg("channels_x"),
        arg("channels_add"), arg("alpha") = 1.0f, arg("beta") = 1.0f, arg("stream") = 0,
        "y = alpha * x + beta * add where both exist, x elsewhere; y may be x. Blocked");
  m.def("shortcut_backward", &py_shortcut_backward, arg("dy"), arg("dx"), arg("dadd"), arg("channels_x"),
        arg("channels_add"), arg("alpha") = 1.0f, arg("beta") = 1.0f, arg("accumulate_x") = false,
        arg("accumulate_add") = false, arg("stream") = 0,
        "dx = alpha * dy, dadd = beta * dy where both exist; written or added to, either may be None, dx may "
        "be dy. Blocked");
}

const Binding shortcut_entries(&bind_shortcut);

}  // namespace
}  // namespace pydarknet::bindings
