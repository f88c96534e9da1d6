#include "ops/detection_loss.h"

#include "bindings/lib/losses.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

py::array_t<double> py_detection_loss(py::handle output_array, py::handle truth_array, py::handle delta_array,
                                      int side, int classes, int num, int coords, float object_scale,
                                      float noobject_scale, float class_scale, float coord_scale,
                                      bool rescore, bool sqrt, bool forced, py::handle picks_array,
                                      std::uintptr_t stream) {
  constexpr const char* op = "detection_loss";
  constexpr int kMost = 1 << 14;
  expect_range(side, 1, kMost, {op, "side"});
  expect_range(classes, 1, kMost, {op, "classes"});
  expect_range(num, forced ? 2 : 1, kMost, {op, "num"});
  expect_range(coords, 4, kMost, {op, "coords"});
  DetectionLossSettings settings{side,        classes,     num,     coords, object_scale, noobject_scale,
                                 class_scale, coord_scale, rescore, sqrt,   forced,       nullptr};
  const RawArray output = raw_array(output_array, "<f4", false, {op, "output"}),
                 truth = raw_array(truth_array, "<f4", false, {op, "truth"}),
                 delta = raw_array(delta_array, "<f4", true, {op, "delta"});
  const std::int64_t images = output.ndim ? output.shape[0] : -1;
  const auto check = [&](const RawArray& array, std::int64_t each, const char* argument) {
    if (array.ndim == 0 || array.shape[0] != images || array.size != images * each) {
      Where{op, argument}.fail("expected " + std::to_string(each) + " floats for each image");
    }
  };
  check(output, settings.inputs(), "output");
  check(truth, settings.truths(), "truth");
  check(delta, settings.inputs(), "delta");
  if (delta.data == output.data && delta.size) Where{op, "delta"}.fail("must not be output itself");
  if (!picks_array.is_none()) {
    const std::int64_t cells = images * settings.cells();
    settings.picks = const_ints(picks_array, cells, op, "picks");
    for (std::int64_t i = 0; kContentsReadable && i < cells; ++i)
      expect_range(settings.picks[i], 0, num - 1, {op, "picks"});
  }
  const auto* truths = static_cast<const float*>(truth.data);
  const std::string fault = kContentsReadable ? cell_fault(truths, images, settings) : "";
  if (!fault.empty()) Where{op, "truth"}.fail(fault);
  LossStatistics statistics;
  {
    WithoutGil release;
    statistics = detection_loss(static_cast<const float*>(output.data), truths,
                                static_cast<float*>(delta.data), images, settings, stream_of(stream));
  }
  return statistics_array(statistics);
}

void bind_detection_loss(Module& m) {
  using py::arg;
  m.def(
      "detection_loss", &py_detection_loss, arg("output"), arg("truth"), arg("delta"), arg("side"),
      arg("classes"), arg("num"), arg("coords") = 4, py::kw_only(), arg("object_scale") = 1.0f,
      arg("noobject_scale") = 1.0f, arg("class_scale") = 1.0f, arg("coord_scale") = 1.0f,
      arg("rescore") = false, arg("sqrt") = false, arg("forced") = false, arg("picks") = py::none(),
      arg("stream") = 0,
      "[detection]'s loss: writes delta, returns LossStatistics as an array. See csrc/ops/detection_loss.h");
}

const Binding detection_loss_entries(&bind_detection_loss);

}  // namespace
}  // namespace pydarknet::bindings
