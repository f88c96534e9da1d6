#include "ops/region_loss.h"

#include "bindings/lib/losses.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

constexpr const char* kRegionLoss = "region_loss";

ClassOnly class_only_of(const std::string& name) {
  if (name == "pull") return ClassOnly::kPull;
  if (name == "spare") return ClassOnly::kSpare;
  if (name == "assume") return ClassOnly::kAssume;
  if (name == "ignore") return ClassOnly::kIgnore;
  const std::string expected = "expected 'pull', 'spare', 'assume' or 'ignore'";
  Where{kRegionLoss, "class_only"}.fail(expected + ", found '" + name + "'");
}

ClassOnlyBox class_only_box_of(const std::string& name) {
  if (name == "probable") return ClassOnlyBox::kProbable;
  if (name == "largest") return ClassOnlyBox::kLargest;
  if (name == "surest") return ClassOnlyBox::kSurest;
  const std::string expected = "expected 'probable', 'largest' or 'surest'";
  Where{kRegionLoss, "class_only_box"}.fail(expected + ", found '" + name + "'");
}

// From (parent, group, group_offset, group_size). Parents precede their children, and groups lie within the
// classes, so that no walk leaves them or goes on for ever.
ClassTree class_tree(py::handle object, int classes) {
  const Where where{kRegionLoss, "tree"};
  if (!py::isinstance<py::tuple>(object) || py::len(object) != 4) {
    where.fail("expected None or (parent, group, group_offset, group_size)");
  }
  const auto arrays = object.cast<py::tuple>();
  const auto ints = [&](int i) { return raw_array(arrays[i], "<i4", false, where); };
  const RawArray parent = ints(0), group = ints(1), offset = ints(2), size = ints(3);
  if (parent.size != classes || group.size != classes || offset.size != size.size) {
    where.fail("expected " + std::to_string(classes) + " parents and groups, as many offsets as sizes");
  }
  expect_range(size.size, 0, kLargest, where);
  const ClassTree tree{static_cast<const std::int32_t*>(parent.data),
                       static_cast<const std::int32_t*>(group.data),
                       static_cast<const std::int32_t*>(offset.data),
                       static_cast<const std::int32_t*>(size.data), static_cast<int>(size.size)};
  if (!kContentsReadable) return tree;
  for (std::int64_t g = 0; g < size.size; ++g) {
    expect_range(tree.group_offset[g], 0, classes, where);
    expect_range(tree.group_size[g], 1, classes - tree.group_offset[g], where);
  }
  for (int c = 0; c < classes; ++c) {
    expect_range(tree.parent[c], -1, c - 1, where);
    expect_range(tree.group[c], 0, size.size - 1, where);
  }
  return tree;
}

py::array_t<double> py_region_loss(py::handle output_array, py::handle truth_array, py::handle delta_array,
                                   py::handle anchors_array, int classes, int coords, py::handle tree_arrays,
                                   py::handle map, std::int64_t seen, float object_scale,
                                   float noobject_scale, float class_scale, float coord_scale,
                                   float mask_scale, float thresh, bool bias_match, bool rescore,
                                   bool background, bool multi_label, bool weigh_small, bool slope_in_loss,
                                   bool skip_large_labels, bool focal_loss, int classfix,
                                   const std::string& class_only, const std::string& class_only_box,
                                   std::uintptr_t stream) {
  constexpr const char* op = kRegionLoss;
  const ConstPlain output = const_plain(output_array, op, "output");
  const Plain delta = plain(delta_array, op, "delta");
  expect_like(delta, output, {op, "delta"});
  if (delta.data == output.data && delta.size()) Where{op, "delta"}.fail("must not be output itself");
  expect_range(classes, 0, kLargest, {op, "classes"});
  expect_range(coords, 4, kLargest, {op, "coords"});
  expect_range(classfix, -1, 2, {op, "classfix"});
  const RawArray anchors = raw_array(anchors_array, "<f4", false, {op, "anchors"});
  if (anchors.size < 2 || anchors.size % 2) Where{op, "anchors"}.fail("expected width and height of each");
  expect_range(anchors.size, 2, kLargest, {op, "anchors"});
  const RegionShape shape{static_cast<int>(anchors.size / 2), classes, coords, false, background};
  const std::int64_t channels = std::int64_t{shape.anchors} * shape.entries();
  expect_range(output.c, channels, channels, {op, "output"});
  const bool has_tree = !tree_arrays.is_none();
  const ClassTree tree = has_tree ? class_tree(tree_arrays, classes) : ClassTree{};
  const TruthRules rules{classes, class_map(map, op), has_tree, skip_large_labels};
  const Truths truths = truth_lists(truth_array, output.n, coords + 1, op);
  check_truths(truths, rules, op);
  RegionLossSettings settings{};
  settings.anchors = static_cast<const float*>(anchors.data);
  settings.object_scale = object_scale;
  settings.noobject_scale = noobject_scale;
  settings.class_scale = class_scale;
  settings.coord_scale = coord_scale;
  settings.mask_scale = mask_scale;
  settings.thresh = thresh;
  settings.bias_match = bias_match;
  settings.rescore = rescore;
  settings.multi_label = multi_label;
  settings.weigh_small = weigh_small;
  settings.slope_in_loss = slope_in_loss;
  settings.focal_loss = focal_loss;
  settings.classfix = classfix;
  settings.class_only = class_only_of(class_only);
  settings.class_only_box = class_only_box_of(class_only_box);
  settings.seen = seen;
  LossStatistics statistics;
  {
    WithoutGil release;
    statistics = region_loss(output, truths, delta, shape, settings, has_tree ? &tree : nullptr, rules,
                             stream_of(stream));
  }
  return statistics_array(statistics);
}

void bind_region_loss(Module& m) {
  using py::arg;
  m.def(kRegionLoss, &py_region_loss, arg("output"), arg("truth"), arg("delta"), arg("anchors"),
        arg("classes"), arg("coords") = 4, arg("tree") = py::none(), arg("map") = py::none(), py::kw_only(),
        arg("seen"), arg("object_scale") = 1.0f, arg("noobject_scale") = 1.0f, arg("class_scale") = 1.0f,
        arg("coord_scale") = 1.0f, arg("mask_scale") = 1.0f, arg("thresh") = 0.5f, arg("bias_match") = false,
        arg("rescore") = false, arg("background") = false, arg("multi_label") = false,
        arg("weigh_small") = false, arg("slope_in_loss") = true, arg("skip_large_labels") = false,
        arg("focal_loss") = false, arg("classfix") = 0, arg("class_only") = "pull",
        arg("class_only_box") = "probable", arg("stream") = 0,
        "[region]'s loss: writes delta, returns LossStatistics as an array. See csrc/ops/region_loss.h");
  m.attr("nowhere") = kNowhere;
}

const Binding region_loss_entries(&bind_region_loss);

}  // namespace
}  // namespace pydarknet::bindings
