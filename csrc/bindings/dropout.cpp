#include "ops/dropout.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

struct Masked {
  const std::uint8_t* mask;
  float scale;
};

// Where everything is dropped, nothing is scaled.
Masked masked(py::handle mask_array, std::int64_t count, double probability, const char* op) {
  const RawArray mask = raw_array(mask_array, "|u1", false, {op, "mask"});
  expect_range(mask.size, count, count, {op, "mask"});
  require(probability >= 0 && probability <= 1, op, "argument 'probability': expected a number from 0 to 1");
  const double scale = probability < 1 ? 1.0 / (1.0 - probability) : 0.0;
  return {static_cast<const std::uint8_t*>(mask.data), static_cast<float>(scale)};
}

void py_dropout(py::handle x_array, py::handle y_array, py::handle mask_array, double probability,
                std::uintptr_t stream) {
  constexpr const char* op = "dropout_forward";
  const RawArray x = raw_array(x_array, "<f4", false, {op, "x"}),
                 y = raw_array(y_array, "<f4", true, {op, "y"});
  expect_range(y.size, x.size, x.size, {op, "y"});
  const Masked m = masked(mask_array, x.size, probability, op);
  WithoutGil release;
  dropout_forward(static_cast<const float*>(x.data), m.mask, static_cast<float*>(y.data), x.size, m.scale,
                  stream_of(stream));
}

void py_dropout_backward(py::handle dy_array, py::handle mask_array, py::handle dx_array, double probability,
                         bool accumulate, std::uintptr_t stream) {
  constexpr const char* op = "dropout_backward";
  const RawArray dy = raw_array(dy_array, "<f4", false, {op, "dy"});
  const RawArray dx = raw_array(dx_array, "<f4", true, {op, "dx"});
  expect_range(dx.size, dy.size, dy.size, {op, "dx"});
  const Masked m = masked(mask_array, dy.size, probability, op);
  WithoutGil release;
  dropout_backward(static_cast<const float*>(dy.data), m.mask, static_cast<float*>(dx.data), dy.size, m.scale,
                   accumulate, stream_of(stream));
}

void bind_dropout(Module& m) {
  using py::arg;
  m.def("dropout_forward", &py_dropout, arg("x"), arg("y"), arg("mask"), arg("probability"),
        arg("stream") = 0,
        "y = x / (1 - probability) where the bytes of mask are not 0, 0 elsewhere; any shape, y may be x");
  m.def("dropout_backward", &py_dropout_backward, arg("dy"), arg("mask"), arg("dx"), arg("probability"),
        arg("accumulate") = false, arg("stream") = 0,
        "The gradient of dropout_forward; dx is written, or added to, and may be dy");
}

const Binding dropout_entries(&bind_dropout);

}  // namespace
}  // namespace pydarknet::bindings
