#include "ops/softmax.h"

#include "bindings/lib/groups.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void check_temperature(float temperature, const char* op) {
  // Its inverse is what counts, and must be a number too.
  if (!(temperature >= 1e-37f)) Where{op, "temperature"}.fail("expected a positive number");
}

void py_softmax(py::handle x_array, py::handle y_array, int groups, float temperature, bool spatial,
                std::uintptr_t stream) {
  constexpr const char* op = "softmax_forward";
  ConstPlain x = const_plain(x_array, op, "x");
  Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  check_temperature(temperature, op);
  if (!spatial) {
    expect_range(x.image(), 0, std::int64_t{1} << 30, {op, "x"});
    const int all = static_cast<int>(x.image());
    x = {x.data, x.n, all, 1, 1};
    y = {y.data, y.n, all, 1, 1};
  }
  expect_range(groups, 1, std::int64_t{1} << 30, {op, "groups"});
  require(x.c % groups == 0, op, "argument 'groups': must divide the " + std::to_string(x.c) + " inputs");
  WithoutGil release;
  softmax_forward(x, y, {groups, x.c / groups}, temperature, stream_of(stream));
}

void py_softmax_tree(py::handle x_array, py::handle y_array, py::handle group_sizes, float temperature,
                     std::uintptr_t stream) {
  constexpr const char* op = "softmax_tree_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  check_temperature(temperature, op);
  const ChannelGroups groups = channel_groups(group_sizes, x.c, op);
  WithoutGil release;
  softmax_forward(x, y, groups, temperature, stream_of(stream));
}

void bind_softmax(Module& m) {
  using py::arg;
  m.def("softmax_forward", &py_softmax, arg("x"), arg("y"), arg("groups") = 1, arg("temperature") = 1.0f,
        arg("spatial") = false, arg("stream") = 0,
        "Softmax of each of `groups` equal parts of an image, or of its channels at each pixel. Plain");
  m.def("softmax_tree_forward", &py_softmax_tree, arg("x"), arg("y"), arg("group_sizes"),
        arg("temperature") = 1.0f, arg("stream") = 0,
        "Softmax of each run of group_sizes[i] channels at each pixel. Plain");
}

const Binding softmax_entries(&bind_softmax);

}  // namespace
}  // namespace pydarknet::bindings
