// Entries of the layers that move or compare bytes, or BF16.
#include "bindings/cpu/narrow.h"

#include <utility>

#include "bindings/lib/module.h"

namespace pydarknet::bindings::narrow {
namespace {

using Stride = std::pair<int, int>;  // (down, across)

// Calls work(views of both arrays) as BF16 if x's elements have two bytes, else as bytes.
template <class Work>
void with_views(py::handle x, py::handle y, const char* op, const Work& work) {
  const auto run = [&](auto element) {
    using T = decltype(element);
    const auto from = narrow_view<const T>(x, {op, "x"});
    const auto to = narrow_view<T>(y, {op, "y"});
    require(from.data != to.data, op, "x and y must be different arrays");
    work(from, to);
  };
  item_bytes(x) == 2 ? run(std::uint16_t{}) : run(std::uint8_t{});
}

void py_maxpool(py::handle x_array, py::handle y_array, int size, const Stride& stride, int padding) {
  constexpr const char* op = "narrow_maxpool";
  expect_range(size, 1, kLargest, {op, "size"});
  expect_range(stride.first, 1, kLargest, {op, "stride"});
  expect_range(stride.second, 1, kLargest, {op, "stride"});
  expect_range(padding, 0, kLargest, {op, "padding"});
  with_views(x_array, y_array, op, [&](const auto& x, const auto& y) {
    const auto out = [&](std::int64_t side, int step) { return (side + padding - size) / step + 1; };
    expect_narrow(y, x.n, x.blocks, out(x.h, stride.first), out(x.w, stride.second), {op, "y"});
    WithoutGil release;
    narrow_maxpool(x, y, {size, stride.first, stride.second, padding});
  });
}

void py_copy_channels(py::handle x_array, py::handle y_array, int from, int to, int channels) {
  constexpr const char* op = "narrow_copy_channels";
  with_views(x_array, y_array, op, [&](const auto& x, const auto& y) {
    expect_range(channels, 1, kLargest, {op, "channels"});
    expect_range(from, 0, std::int64_t{x.blocks} * x.lanes - channels, {op, "from"});
    expect_range(to, 0, std::int64_t{y.blocks} * y.lanes - channels, {op, "to"});
    expect_narrow(y, x.n, y.blocks, x.h, x.w, {op, "y"});
    WithoutGil release;
    narrow_copy_channels(x, y, from, to, channels);
  });
}

void py_reorg(py::handle x_array, py::handle y_array, int channels, int stride) {
  constexpr const char* op = "narrow_reorg";
  expect_range(stride, 1, 1 << 12, {op, "stride"});
  with_views(x_array, y_array, op, [&](const auto& x, const auto& y) {
    const int square = stride * stride;
    expect_range(channels, 1, std::int64_t{x.blocks} * x.lanes, {op, "channels"});
    require(channels % square == 0 && x.h % stride == 0 && x.w % stride == 0, op,
            "stride must divide height and width, its square the channels");
    const int blocks = (channels * square + x.lanes - 1) / x.lanes;
    expect_narrow(y, x.n, blocks, x.h / stride, x.w / stride, {op, "y"});
    WithoutGil release;
    narrow_reorg(x, y, channels, stride);
  });
}

void py_upsample(py::handle x_array, py::handle y_array, int stride) {
  constexpr const char* op = "narrow_upsample";
  expect_range(stride, 1, 1 << 12, {op, "stride"});
  with_views(x_array, y_array, op, [&](const auto& x, const auto& y) {
    expect_narrow(y, x.n, x.blocks, std::int64_t{x.h} * stride, std::int64_t{x.w} * stride, {op, "y"});
    WithoutGil release;
    narrow_upsample(x, y, stride);
  });
}

void bind_narrow(Module& m) {
  using py::arg;
  m.def("narrow_maxpool", &py_maxpool, arg("x"), arg("y"), arg("size"), arg("stride"), arg("padding"),
        "Maximum over windows of bytes or BF16; stride is (down, across), padding Darknet's total");
  m.def("narrow_copy_channels", &py_copy_channels, arg("x"), arg("y"), arg("from_channel"), arg("to_channel"),
        arg("channels"), "Some channels of x, bytes or BF16, into y");
  m.def("narrow_reorg", &py_reorg, arg("x"), arg("y"), arg("channels"), arg("stride"), "As reorg_blocked");
  m.def("narrow_upsample", &py_upsample, arg("x"), arg("y"), arg("stride"), "Repeats pixels");
}

const Binding narrow_entries(&bind_narrow);

}  // namespace
}  // namespace pydarknet::bindings::narrow
