#include "ops/elementwise.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

struct Row {
  float* data;
  std::int64_t count;
};

Row row(py::handle array, bool writable, Where where) {
  const RawArray a = raw_array(array, "<f4", writable, where);
  return {static_cast<float*>(a.data), a.size};
}

void py_fill(py::handle x_array, float value, std::uintptr_t stream) {
  const Row x = row(x_array, true, {"fill", "x"});
  WithoutGil release;
  fill(x.data, x.count, value, stream_of(stream));
}

void py_scale(py::handle x_array, float factor, std::uintptr_t stream) {
  const Row x = row(x_array, true, {"scale", "x"});
  WithoutGil release;
  scale(x.data, x.count, factor, stream_of(stream));
}

void py_add(py::handle x_array, py::handle y_array, std::uintptr_t stream) {
  const Row x = row(x_array, false, {"add", "x"}), y = row(y_array, true, {"add", "y"});
  expect_range(y.count, x.count, x.count, {"add", "y"});
  WithoutGil release;
  add(x.data, y.data, x.count, stream_of(stream));
}

void py_binarize(py::handle x_array, py::handle y_array, float below, float above, std::uintptr_t stream) {
  const Row x = row(x_array, false, {"binarize", "x"}), y = row(y_array, true, {"binarize", "y"});
  expect_range(y.count, x.count, x.count, {"binarize", "y"});
  WithoutGil release;
  binarize(x.data, y.data, x.count, below, above, stream_of(stream));
}

void py_binarize_filters(py::handle weights_array, py::handle y_array, int filters, std::uintptr_t stream) {
  constexpr const char* op = "binarize_filters";
  const Row weights = row(weights_array, false, {op, "weights"}), y = row(y_array, true, {op, "y"});
  expect_range(y.count, weights.count, weights.count, {op, "y"});
  expect_range(filters, 1, kLargest, {op, "filters"});
  if (weights.count % filters) Where{op, "weights"}.fail("expected as many for each filter");
  WithoutGil release;
  binarize_filters(weights.data, y.data, filters, weights.count / filters, stream_of(stream));
}

void py_l2norm_backward(py::handle dy_array, py::handle dx_array, bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "l2norm_backward";
  const Row dy = row(dy_array, false, {op, "dy"}), dx = row(dx_array, true, {op, "dx"});
  expect_range(dx.count, dy.count, dy.count, {op, "dx"});
  WithoutGil release;
  pass_backward(dy.data, dx.data, dy.count, accumulate, stream_of(stream));
}

bool py_all_finite(py::handle x_array, std::uintptr_t stream) {
  const Row x = row(x_array, false, {"all_finite", "x"});
  WithoutGil release;
  return all_finite(x.data, x.count, stream_of(stream));
}

void bind_elementwise(Module& m) {
  using py::arg;
  m.def("fill", &py_fill, arg("x"), arg("value"), arg("stream") = 0, "x = value, for any shape");
  m.def("scale", &py_scale, arg("x"), arg("factor"), arg("stream") = 0, "x *= factor, for any shape");
  m.def("add", &py_add, arg("x"), arg("y"), arg("stream") = 0, "y += x, for arrays of any shape");
  m.def("binarize", &py_binarize, arg("x"), arg("y"), arg("below") = -1.0f, arg("above") = 1.0f,
        arg("stream") = 0, "y = above where x > 0, else below; for arrays of any shape, y may be x");
  m.def("binarize_filters", &py_binarize_filters, arg("weights"), arg("y"), arg("filters"), arg("stream") = 0,
        "Plus or minus the mean of a filter's absolute weights, by their sign; y may be weights");
  m.def("l2norm_backward", &py_l2norm_backward, arg("dy"), arg("dx"), arg("accumulate") = false,
        arg("stream") = 0, "Darknet's: dy passes as it is; dx is written, or added to");
  m.def("all_finite", &py_all_finite, arg("x"), arg("stream") = 0, "No NaN, no infinity in x");
}

const Binding elementwise_entries(&bind_elementwise);

}  // namespace
}  // namespace pydarknet::bindings
