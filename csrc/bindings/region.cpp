#include "ops/region.h"

#include "bindings/lib/groups.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_region(py::handle x_array, py::handle y_array, int anchors, int classes, int coords, bool softmax,
               bool background, py::handle group_sizes, std::uintptr_t stream) {
  constexpr const char* op = "region_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  expect_range(anchors, 1, kLargest, {op, "anchors"});
  expect_range(classes, 0, kLargest, {op, "classes"});
  expect_range(coords, 4, kLargest, {op, "coords"});
  const RegionShape shape{anchors, classes, coords, softmax, background};
  expect_range(x.c, std::int64_t{anchors} * shape.entries(), std::int64_t{anchors} * shape.entries(),
               {op, "x"});
  const bool tree = !group_sizes.is_none();
  const ChannelGroups groups = tree ? channel_groups(group_sizes, classes, op) : ChannelGroups{0, 0};
  WithoutGil release;
  region_forward(x, y, shape, tree ? &groups : nullptr, stream_of(stream));
}

void bind_region(Module& m) {
  using py::arg;
  m.def("region_forward", &py_region, arg("x"), arg("y"), arg("anchors"), arg("classes"), arg("coords"),
        arg("softmax"), arg("background"), arg("group_sizes"), arg("stream") = 0,
        "[region]: logistic on x, y, mask and objectness; classes by tree, softmax or logistic. Plain");
}

const Binding region_entries(&bind_region);

}  // namespace
}  // namespace pydarknet::bindings
