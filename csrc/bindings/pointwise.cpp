#include "ops/pointwise.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

constexpr const char* kOp = "pointwise_softmax";

PointwiseConv conv_of(py::handle x_array, py::handle weights_array, py::handle bias_array,
                      const std::string& precision) {
  const ConstTensor x = const_tensor(x_array, kOp, "x");
  const RawArray bias = raw_array(bias_array, "<f4", false, {kOp, "bias"});
  const RawArray weights = raw_array(weights_array, "<f4", false, {kOp, "weights"});
  expect_range(bias.size, 1, INT32_MAX, {kOp, "bias"});
  const Where where{kOp, "weights"};
  if (weights.ndim < 2 || weights.shape[0] != bias.size || weights.size != bias.size * weights.shape[1]) {
    where.fail("expected the shape (" + std::to_string(bias.size) + ", channels)");
  }
  const int channels = static_cast<int>(std::min<std::int64_t>(weights.shape[1], INT32_MAX));
  expect_channels(channels, x, where);
  return {x,
          static_cast<const float*>(weights.data),
          static_cast<const float*>(bias.data),
          channels,
          static_cast<int>(bias.size),
          parse_precision(precision)};
}

// What the kernels rely on, as far as this process can see.
void check(const PointwiseConv& conv, const PointwiseRequests& r) {
  if (!kContentsReadable) return;
  expect_range(r.starts[0], 0, 0, {kOp, "starts"});
  expect_range(r.starts[r.count], r.room, r.room, {kOp, "starts"});
  for (std::int64_t i = 0; i < r.count; ++i) {
    expect_range(r.pixels[i], 0, conv.pixels() - 1, {kOp, "pixels"});
    expect_range(r.filters[i], 0, conv.k - 1, {kOp, "filters"});
    expect_range(r.starts[i + 1], r.starts[i] + 1, r.starts[i] + conv.k - r.filters[i], {kOp, "starts"});
  }
}

void py_pointwise(py::handle x, py::handle weights, py::handle bias, py::handle pixels_array,
                  py::handle filters_array, py::handle starts_array, py::handle values_array,
                  const std::string& precision, std::uintptr_t stream) {
  const PointwiseConv conv = conv_of(x, weights, bias, precision);
  const RawArray pixels = raw_array(pixels_array, "<i4", false, {kOp, "pixels"});
  const RawArray filters = raw_array(filters_array, "<i4", false, {kOp, "filters"});
  const RawArray starts = raw_array(starts_array, "<i8", false, {kOp, "starts"});
  const RawArray values = raw_array(values_array, "<f4", true, {kOp, "values"});
  expect_range(filters.size, pixels.size, pixels.size, {kOp, "filters"});
  expect_range(starts.size, pixels.size + 1, pixels.size + 1, {kOp, "starts"});
  const PointwiseRequests requests{pixels.size, values.size, static_cast<const std::int32_t*>(pixels.data),
                                   static_cast<const std::int32_t*>(filters.data),
                                   static_cast<const std::int64_t*>(starts.data)};
  check(conv, requests);
  WithoutGil release;
  pointwise_softmax(conv, requests, static_cast<float*>(values.data), stream_of(stream));
}

void bind_pointwise(Module& m) {
  using py::arg;
  m.def("pointwise_softmax", &py_pointwise, arg("x"), arg("weights"), arg("bias"), arg("pixels"),
        arg("filters"), arg("starts"), arg("values"), arg("precision") = "fp32", arg("stream") = 0,
        "Softmax over some filters of a 1x1 convolution at some pixels: writes values. x blocked");
}

const Binding pointwise_entries(&bind_pointwise);

}  // namespace
}  // namespace pydarknet::bindings
