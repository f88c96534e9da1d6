#include "ops/yolo_loss.h"

#include "bindings/lib/losses.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

py::array_t<double> py_yolo_loss(py::handle output_array, py::handle truth_array, py::handle delta_array,
                                 py::handle anchors_array, py::handle mask_array, int classes, int net_w,
                                 int net_h, float ignore_thresh, float truth_thresh, py::handle map,
                                 bool new_coords, std::uintptr_t stream) {
  constexpr const char* op = "yolo_loss";
  const ConstPlain output = const_plain(output_array, op, "output");
  const Plain delta = plain(delta_array, op, "delta");
  expect_like(delta, output, {op, "delta"});
  if (delta.data == output.data && delta.size()) Where{op, "delta"}.fail("must not be output itself");
  expect_range(classes, 0, kLargest, {op, "classes"});
  expect_range(net_w, 1, kLargest, {op, "net_w"});
  expect_range(net_h, 1, kLargest, {op, "net_h"});
  const RawArray anchors = raw_array(anchors_array, "<f4", false, {op, "anchors"});
  const RawArray mask = raw_array(mask_array, "<i4", false, {op, "mask"});
  if (anchors.size % 2) Where{op, "anchors"}.fail("expected width and height of each");
  expect_range(anchors.size, 2, kLargest, {op, "anchors"});
  expect_range(mask.size, 1, kLargest, {op, "mask"});
  const auto* masked = static_cast<const std::int32_t*>(mask.data);
  for (std::int64_t i = 0; kContentsReadable && i < mask.size; ++i) {
    expect_range(masked[i], 0, anchors.size / 2 - 1, {op, "mask"});
  }
  const std::int64_t channels = mask.size * (5 + std::int64_t{classes});
  expect_range(output.c, channels, channels, {op, "output"});
  const TruthRules rules{classes, class_map(map, op), false, false};
  const Truths truths = truth_lists(truth_array, output.n, 5, op);
  check_truths(truths, rules, op);
  const YoloLossSettings settings{static_cast<const float*>(anchors.data),
                                  static_cast<int>(anchors.size / 2),
                                  masked,
                                  static_cast<int>(mask.size),
                                  net_w,
                                  net_h,
                                  ignore_thresh,
                                  truth_thresh,
                                  new_coords};
  LossStatistics statistics;
  {
    py::gil_scoped_release release;
    statistics = yolo_loss(output, truths, delta, settings, rules, stream_of(stream));
  }
  return statistics_array(statistics);
}

void bind_yolo_loss(Module& m) {
  using py::arg;
  m.def("yolo_loss", &py_yolo_loss, arg("output"), arg("truth"), arg("delta"), arg("anchors"), arg("mask"),
        arg("classes"), arg("net_w"), arg("net_h"), arg("ignore_thresh") = 0.5f, arg("truth_thresh") = 1.0f,
        arg("map") = py::none(), arg("new_coords") = false, arg("stream") = 0,
        "[yolo]'s loss: writes delta, returns LossStatistics as an array. See csrc/ops/yolo_loss.h");
}

const Binding yolo_loss_entries(&bind_yolo_loss);

}  // namespace
}  // namespace pydarknet::bindings
