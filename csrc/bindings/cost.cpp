#include "ops/cost.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

// Arrays of one size, images first. `delta` may be `output`.
LossRows loss_rows(py::handle output_array, py::handle truth_array, py::handle delta_array, const char* op) {
  const RawArray output = raw_array(output_array, "<f4", false, {op, "output"}),
                 truth = raw_array(truth_array, "<f4", false, {op, "truth"}),
                 delta = raw_array(delta_array, "<f4", true, {op, "delta"});
  if (output.ndim == 0) Where{op, "output"}.fail("expected images on the first axis");
  const std::int64_t images = output.shape[0];
  const auto check = [&](const RawArray& array, const char* argument) {
    if (array.ndim == 0 || array.shape[0] != images || array.size != output.size) {
      Where{op, argument}.fail("expected " + std::to_string(images) + " images, " +
                               std::to_string(output.size) + " floats in all");
    }
  };
  check(truth, "truth");
  check(delta, "delta");
  return {static_cast<const float*>(output.data), static_cast<const float*>(truth.data),
          static_cast<float*>(delta.data), images, images ? output.size / images : 0};
}

Cost cost_of(const std::string& name) {
  constexpr std::pair<const char*, Cost> kinds[] = {{"sse", Cost::kSse},       {"masked", Cost::kMasked},
                                                    {"smooth", Cost::kSmooth}, {"L1", Cost::kL1},
                                                    {"seg", Cost::kSeg},       {"wgan", Cost::kWgan}};
  for (const auto& [known, kind] : kinds) {
    if (name == known) return kind;
  }
  Where{"cost_loss", "kind"}.fail("expected sse, masked, smooth, L1, seg or wgan, found '" + name + "'");
}

double py_softmax_loss(py::handle output, py::handle truth, py::handle delta, bool masked,
                       std::uintptr_t stream) {
  const LossRows rows = loss_rows(output, truth, delta, "softmax_loss");
  WithoutGil release;
  return softmax_loss(rows, masked, stream_of(stream));
}

double py_cost_loss(py::handle x, py::handle truth, py::handle delta, const std::string& kind, float scale,
                    float noobject_scale, float thresh, float smooth, std::uintptr_t stream) {
  const LossRows rows = loss_rows(x, truth, delta, "cost_loss");
  const CostSettings settings{cost_of(kind), scale, noobject_scale, thresh, smooth};
  WithoutGil release;
  return cost_loss(rows, settings, stream_of(stream));
}

void bind_cost(Module& m) {
  using py::arg;
  m.def("softmax_loss", &py_softmax_loss, arg("output"), arg("truth"), arg("delta"), arg("masked") = false,
        arg("stream") = 0, "Cross entropy of probabilities: writes delta, returns the sum");
  m.def("cost_loss", &py_cost_loss, arg("output"), arg("truth"), arg("delta"), arg("kind") = "sse",
        arg("scale") = 1.0f, arg("noobject_scale") = 1.0f, arg("thresh") = 0.0f, arg("smooth") = 0.0f,
        arg("stream") = 0, "[cost]: sse, masked, smooth, L1, seg or wgan: writes delta, returns the sum");
}

const Binding cost_entries(&bind_cost);

}  // namespace
}  // namespace pydarknet::bindings
