#include "ops/yolo_loss.h"

#include "bindings/lib/losses.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

constexpr const char* kYoloLoss = "yolo_loss";

BoxMeasure measure_of(const std::string& name, const char* argument) {
  if (name == "mse") return BoxMeasure::kMse;
  if (name == "iou") return BoxMeasure::kIou;
  if (name == "giou") return BoxMeasure::kGiou;
  if (name == "diou") return BoxMeasure::kDiou;
  if (name == "ciou") return BoxMeasure::kCiou;
  Where{kYoloLoss, argument}.fail("expected 'mse', 'iou', 'giou', 'diou' or 'ciou', found '" + name + "'");
}

// One float for each class, or None.
const float* class_weights_of(py::handle object, int classes) {
  if (object.is_none()) return nullptr;
  const RawArray a = raw_array(object, "<f4", false, {kYoloLoss, "class_weights"});
  expect_range(a.size, classes, classes, {kYoloLoss, "class_weights"});
  return static_cast<const float*>(a.data);
}

py::array_t<double> py_yolo_loss(py::handle output_array, py::handle truth_array, py::handle delta_array,
                                 py::handle anchors_array, py::handle mask_array, int classes, int net_w,
                                 int net_h, float ignore_thresh, float truth_thresh, py::handle map,
                                 bool new_coords, const std::string& iou_loss,
                                 const std::string& iou_thresh_kind, float iou_thresh, float iou_normalizer,
                                 float obj_normalizer, float cls_normalizer, float delta_normalizer,
                                 float max_delta, float label_smooth_eps, bool objectness_smooth,
                                 bool focal_loss, py::handle class_weights, bool adds, float least_class,
                                 bool skip_large_labels, bool gaussian, float uc_normalizer, int to_centre,
                                 std::uintptr_t stream) {
  constexpr const char* op = kYoloLoss;
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
  const std::int64_t channels = mask.size * ((gaussian ? 9 : 5) + std::int64_t{classes});
  expect_range(output.c, channels, channels, {op, "output"});
  const TruthRules rules{classes, class_map(map, op), false, skip_large_labels};
  const Truths truths = truth_lists(truth_array, output.n, 5, op);
  check_truths(truths, rules, op);
  const YoloLossTerms terms{measure_of(iou_loss, "iou_loss"),
                            measure_of(iou_thresh_kind, "iou_thresh_kind"),
                            iou_thresh,
                            iou_normalizer,
                            obj_normalizer,
                            cls_normalizer,
                            delta_normalizer,
                            max_delta,
                            label_smooth_eps,
                            objectness_smooth,
                            focal_loss,
                            class_weights_of(class_weights, classes),
                            adds,
                            least_class};
  expect_range(to_centre, -1, 1, {op, "to_centre"});
  const YoloLossSettings settings{static_cast<const float*>(anchors.data),
                                  static_cast<int>(anchors.size / 2),
                                  masked,
                                  static_cast<int>(mask.size),
                                  net_w,
                                  net_h,
                                  ignore_thresh,
                                  truth_thresh,
                                  new_coords,
                                  terms,
                                  {gaussian, uc_normalizer, to_centre}};
  LossStatistics statistics;
  {
    WithoutGil release;
    statistics = yolo_loss(output, truths, delta, settings, rules, stream_of(stream));
  }
  return statistics_array(statistics);
}

void bind_yolo_loss(Module& m) {
  using py::arg;
  const YoloLossTerms none;
  m.def("yolo_loss", &py_yolo_loss, arg("output"), arg("truth"), arg("delta"), arg("anchors"), arg("mask"),
        arg("classes"), arg("net_w"), arg("net_h"), arg("ignore_thresh") = 0.5f, arg("truth_thresh") = 1.0f,
        arg("map") = py::none(), arg("new_coords") = false, py::kw_only(), arg("iou_loss") = "mse",
        arg("iou_thresh_kind") = "iou", arg("iou_thresh") = none.iou_thresh,
        arg("iou_normalizer") = none.iou_normalizer, arg("obj_normalizer") = none.obj_normalizer,
        arg("cls_normalizer") = none.cls_normalizer, arg("delta_normalizer") = none.delta_normalizer,
        arg("max_delta") = none.max_delta, arg("label_smooth_eps") = none.label_smooth_eps,
        arg("objectness_smooth") = false, arg("focal_loss") = false, arg("class_weights") = py::none(),
        arg("adds") = false, arg("least_class") = none.least_class, arg("skip_large_labels") = false,
        arg("gaussian") = false, arg("uc_normalizer") = 1.0f, arg("to_centre") = 0, arg("stream") = 0,
        "[yolo]'s loss: writes delta, returns LossStatistics as an array. See csrc/ops/yolo_loss.h");
}

const Binding yolo_loss_entries(&bind_yolo_loss);

}  // namespace
}  // namespace pydarknet::bindings
