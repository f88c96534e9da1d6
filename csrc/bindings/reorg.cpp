#include "ops/reorg.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void check_stride(const char* op, int channels, int stride) {
  expect_range(stride, 1, 1 << 12, {op, "stride"});
  require(channels % (stride * stride) == 0, op,
          "argument 'stride': " + std::to_string(channels) + " channels are no multiple of its square");
}

void py_reorg(py::handle x_array, py::handle y_array, int stride, bool reverse, bool flatten, int extra,
              std::uintptr_t stream) {
  constexpr const char* op = "reorg_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_range(extra, 0, std::int64_t{1} << 30, {op, "extra"});
  require(!(flatten && extra), op, "argument 'extra': must be 0 where 'flatten' is true");
  if (!flatten && !extra) check_stride(op, x.c, stride);
  if (y.n != x.n || y.image() != x.image() + extra) {
    Where{op, "y"}.fail("expected " + std::to_string(x.n) + " images of " +
                        std::to_string(x.image() + extra) + " floats, found shape " +
                        shape_text({y.n, y.c, y.h, y.w}));
  }
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  if (flatten) {
    reorg_flatten(x, y.data, reverse, stream_of(stream));
  } else if (extra) {
    reorg_extend(x, y.data, extra, stream_of(stream));
  } else {
    reorg_forward(x, y.data, stride, reverse, stream_of(stream));
  }
}

// y, which may be a gradient, is x (channels, h, w) reorganised.
void check_reorganised(const ConstTensor& x, const ConstTensor& y, int channels, int stride, Where where) {
  const char* op = where.op;
  expect_channels(channels, x, {op, "channels"});
  check_stride(op, channels, stride);
  require(x.h % stride == 0 && x.w % stride == 0, op, "argument 'stride': must divide height and width of x");
  const std::int64_t out = std::int64_t{channels} * stride * stride;
  expect_range(out, 0, std::int64_t{1} << 30, {op, "channels"});
  expect_shape(y, x.n, blocks_of(static_cast<int>(out)), x.h / stride, x.w / stride, where);
}

void py_reorg_blocked(py::handle x_array, py::handle y_array, int channels, int stride,
                      std::uintptr_t stream) {
  constexpr const char* op = "reorg_blocked";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  check_reorganised(x, y, channels, stride, {op, "y"});
  expect_apart(x.data, y.data, op);
  WithoutGil release;
  reorg_blocked(x, y, channels, stride, stream_of(stream));
}

void py_reorg_backward(py::handle dy_array, py::handle dx_array, int channels, int stride, bool accumulate,
                       std::uintptr_t stream) {
  constexpr const char* op = "reorg_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  check_reorganised(dx, dy, channels, stride, {op, "dy"});
  expect_another(dx.data, dy.data, {op, "dx"});
  WithoutGil release;
  reorg_backward(dy, dx, channels, stride, accumulate, stream_of(stream));
}

void bind_reorg(Module& m) {
  using py::arg;
  m.def("reorg_forward", &py_reorg, arg("x"), arg("y"), arg("stride"), arg("reverse") = false,
        arg("flatten") = false, arg("extra") = 0, arg("stream") = 0,
        "Darknet's [reorg] in all its modes; y holds as many floats as x, plus `extra` an image. Plain");
  m.def("reorg_blocked", &py_reorg_blocked, arg("x"), arg("y"), arg("channels"), arg("stride"),
        arg("stream") = 0, "Darknet's [reorg] from blocked (C, H, W) to blocked (C s^2, H / s, W / s)");
  m.def("reorg_backward", &py_reorg_backward, arg("dy"), arg("dx"), arg("channels"), arg("stride"),
        arg("accumulate") = false, arg("stream") = 0,
        "The gradient of reorg_blocked; dx is written, or added to. Blocked");
}

const Binding reorg_entries(&bind_reorg);

}  // namespace
}  // namespace pydarknet::bindings
