#include "ops/augment.h"

#include <cmath>

#include "bindings/lib/arrays.h"
#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

struct AugmentArguments {
  Image x;
  Plain y;
  Look look;
};

AugmentArguments augment_arguments(py::handle image, py::handle y_array, bool flip, Distortion colour,
                                   const char* op) {
  const Image x = image_view(image, op, "image");
  const Plain y = plain(y_array, op, "y");
  require(x.c == 3, op, "image must have three channels");
  require(y.n == 1 && y.c == 3 && y.size() > 0, op, "y must have shape (1, 3, height, width)");
  require(colour.hue >= -1 && colour.hue <= 1, op, "hue must be -1 to 1");
  require(colour.saturation >= 0 && std::isfinite(colour.saturation), op, "saturation must be at least 0");
  require(colour.exposure >= 0 && std::isfinite(colour.exposure), op, "exposure must be at least 0");
  return {x, y, {colour, flip}};
}

void expect_frame(int left, int top, int width, int height, int least, const char* op) {
  expect_range(left, -kLargest, kLargest, {op, "left"});
  expect_range(top, -kLargest, kLargest, {op, "top"});
  expect_range(width, least, kLargest, {op, "width"});
  expect_range(height, least, kLargest, {op, "height"});
}

void py_augment_place(py::handle image, py::handle y, int left, int top, int width, int height, bool flip,
                      float hue, float saturation, float exposure, std::uintptr_t stream) {
  constexpr const char* op = "augment_place";
  const AugmentArguments a = augment_arguments(image, y, flip, {hue, saturation, exposure}, op);
  expect_frame(left, top, width, height, 0, op);
  WithoutGil release;
  augment_place(a.x, a.y, {left, top, width, height}, a.look, stream_of(stream));
}

void py_augment_crop(py::handle image, py::handle y, int left, int top, int width, int height, bool flip,
                     float hue, float saturation, float exposure, std::uintptr_t stream) {
  constexpr const char* op = "augment_crop";
  const AugmentArguments a = augment_arguments(image, y, flip, {hue, saturation, exposure}, op);
  expect_frame(left, top, width, height, 1, op);
  WithoutGil release;
  augment_crop(a.x, a.y, {left, top, width, height}, a.look, stream_of(stream));
}

void py_augment_turn(py::handle image, py::handle y, float radians, float scale, float aspect, float dx,
                     float dy, bool edge, bool flip, float hue, float saturation, float exposure,
                     std::uintptr_t stream) {
  constexpr const char* op = "augment_turn";
  const AugmentArguments a = augment_arguments(image, y, flip, {hue, saturation, exposure}, op);
  const bool finite = std::isfinite(radians) && std::isfinite(dx) && std::isfinite(dy);
  require(finite, op, "radians, dx and dy must be finite");
  require(scale > 0 && std::isfinite(scale), op, "scale must be above 0");
  require(aspect > 0 && std::isfinite(aspect), op, "aspect must be above 0");
  WithoutGil release;
  augment_turn(a.x, a.y, {radians, scale, aspect, dx, dy, edge}, a.look, stream_of(stream));
}

void bind_augment(Module& m) {
  using py::arg;
  m.def("augment_place", &py_augment_place, arg("image"), arg("y"), arg("left"), arg("top"), arg("width"),
        arg("height"), arg("flip"), arg("hue"), arg("saturation"), arg("exposure"), arg("stream") = 0,
        "A BGR image (H, W, 3) of bytes, width x height large on a canvas of .5, into y (1, 3, h, w), RGB");
  m.def("augment_crop", &py_augment_crop, arg("image"), arg("y"), arg("left"), arg("top"), arg("width"),
        arg("height"), arg("flip"), arg("hue"), arg("saturation"), arg("exposure"), arg("stream") = 0,
        "A part of a BGR image (H, W, 3) of bytes, stretched to fill y (1, 3, h, w), RGB");
  m.def("augment_turn", &py_augment_turn, arg("image"), arg("y"), arg("radians"), arg("scale"), arg("aspect"),
        arg("dx"), arg("dy"), arg("edge"), arg("flip"), arg("hue"), arg("saturation"), arg("exposure"),
        arg("stream") = 0,
        "A window on a turned, enlarged BGR image (H, W, 3) of bytes into y (1, 3, h, w), RGB");
}

const Binding augment_entries(&bind_augment);

}  // namespace
}  // namespace pydarknet::bindings
