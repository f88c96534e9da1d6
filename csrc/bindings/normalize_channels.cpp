#include "ops/normalize_channels.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

ShareKind share_kind_of(const std::string& name, bool plain_too, const char* op) {
  if (name == "relu") return ShareKind::kRelu;
  if (name == "softmax") return ShareKind::kSoftmax;
  if (name == "softmax_top") return ShareKind::kSoftmaxTop;
  if (name == "none" && plain_too) return ShareKind::kPlain;
  const std::string known = plain_too ? "'none', 'relu', 'softmax'" : "'relu', 'softmax'";
  Where{op, "kind"}.fail("expected " + known + " or 'softmax_top', found '" + name + "'");
}

void py_normalize_channels(py::handle x_array, py::handle y_array, const std::string& kind,
                           std::uintptr_t stream) {
  constexpr const char* op = "normalize_channels_forward";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  expect_like(y, x, {op, "y"});
  const ShareKind by = share_kind_of(kind, false, op);
  WithoutGil release;
  normalize_channels_forward(x, y, by, stream_of(stream));
}

void py_normalize_channels_backward(py::handle y_array, py::handle dy_array, const std::string& kind,
                                    std::uintptr_t stream) {
  constexpr const char* op = "normalize_channels_backward";
  const ConstPlain y = const_plain(y_array, op, "y");
  const Plain dy = plain(dy_array, op, "dy");
  expect_like(dy, y, {op, "dy"});
  expect_another(dy.data, y.data, {op, "dy"});
  const ShareKind by = share_kind_of(kind, false, op);
  WithoutGil release;
  normalize_channels_backward(y, dy, by, stream_of(stream));
}

void py_shortcut_weights(py::handle weights_array, py::handle scales_array, int terms,
                         const std::string& kind, std::uintptr_t stream) {
  constexpr const char* op = "shortcut_weights";
  const RawArray weights = raw_array(weights_array, "<f4", false, {op, "weights"});
  const RawArray scales = raw_array(scales_array, "<f4", true, {op, "scales"});
  expect_range(terms, 1, kLargest, {op, "terms"});
  if (scales.size % terms || scales.size / terms > kLargest)
    Where{op, "scales"}.fail("expected terms x channels");
  const int channels = static_cast<int>(scales.size / terms);
  if (weights.size != terms && weights.size != scales.size) {
    Where{op, "weights"}.fail("expected terms, or terms x channels, numbers");
  }
  const int each = weights.size == terms ? 1 : channels;
  const ShareKind by = share_kind_of(kind, true, op);
  if (scales.data == weights.data && scales.size) Where{op, "scales"}.fail("must not be weights itself");
  WithoutGil release;
  shortcut_weights(static_cast<const float*>(weights.data), static_cast<float*>(scales.data),
                   {terms, each, channels}, by, stream_of(stream));
}

void bind_normalize_channels(Module& m) {
  using py::arg;
  m.def("normalize_channels_forward", &py_normalize_channels, arg("x"), arg("y"), arg("kind"),
        arg("stream") = 0,
        "Each pixel's channels become shares: 'relu', 'softmax' or 'softmax_top'; y may be x. Plain");
  m.def("normalize_channels_backward", &py_normalize_channels_backward, arg("y"), arg("dy"), arg("kind"),
        arg("stream") = 0, "Darknet's approximate gradient of it, in place. Plain");
  m.def("shortcut_weights", &py_shortcut_weights, arg("weights"), arg("scales"), arg("terms"), arg("kind"),
        arg("stream") = 0,
        "scales (terms, channels) from weights (terms, channels or 1); kind may be 'none'");
}

const Binding normalize_channels_entries(&bind_normalize_channels);

}  // namespace
}  // namespace pydarknet::bindings
