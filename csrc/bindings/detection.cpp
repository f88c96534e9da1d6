#include "ops/detection.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void py_detection(py::handle x_array, py::handle y_array, int side, int classes, int num, int coords,
                  bool softmax, std::uintptr_t stream) {
  constexpr const char* op = "detection_forward";
  const RawArray x = raw_array(x_array, "<f4", false, {op, "x"}),
                 y = raw_array(y_array, "<f4", true, {op, "y"});
  constexpr int kMost = 1 << 14;
  expect_range(side, 1, kMost, {op, "side"});
  expect_range(classes, 1, kMost, {op, "classes"});
  expect_range(num, 0, kMost, {op, "num"});
  expect_range(coords, 0, kMost, {op, "coords"});
  const std::int64_t cells = std::int64_t{side} * side,
                     inputs = cells * ((1 + coords) * std::int64_t{num} + classes);
  const auto check = [&](const RawArray& array, const char* argument) {
    if (array.ndim == 0 || array.size % inputs || array.shape[0] != array.size / inputs) {
      Where{op, argument}.fail("expected " + std::to_string(inputs) + " floats for each image");
    }
  };
  check(x, "x");
  check(y, "y");
  expect_range(y.shape[0], x.shape[0], x.shape[0], {op, "y"});
  WithoutGil release;
  detection_forward(static_cast<const float*>(x.data), static_cast<float*>(y.data),
                    {x.shape[0], inputs, static_cast<int>(cells), classes}, softmax, stream_of(stream));
}

void bind_detection(Module& m) {
  using py::arg;
  m.def("detection_forward", &py_detection, arg("x"), arg("y"), arg("side"), arg("classes"), arg("num"),
        arg("coords"), arg("softmax"), arg("stream") = 0,
        "[detection]: a copy, with a softmax over the classes of each cell if asked for. (N, ...)");
}

const Binding detection_entries(&bind_detection);

}  // namespace
}  // namespace pydarknet::bindings
