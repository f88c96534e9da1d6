#include "ops/resize.h"

#include "bindings/lib/arrays.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

Fit fit_of(const std::string& mode, const char* op) {
  require(mode == "letterbox" || mode == "stretch", op, "mode must be 'letterbox' or 'stretch'");
  return mode == "letterbox" ? Fit::kLetterbox : Fit::kStretch;
}

void check_output(const Plain& y, int channels, const char* op) {
  require(y.n == 1 && y.c == channels, op, "y must have shape (1, channels of the image, height, width)");
}

void py_letterbox(py::handle image, py::handle y_array, bool swap_rb, const std::string& mode,
                  std::uintptr_t stream) {
  constexpr const char* op = "letterbox";
  const Image x = image_view(image, op, "image");
  const Plain y = plain(y_array, op, "y");
  const Fit fit = fit_of(mode, op);
  check_output(y, x.c, op);
  WithoutGil release;
  letterbox(x, y, swap_rb, fit, stream_of(stream));
}

void py_letterbox_planar(py::handle x_array, py::handle y_array, const std::string& mode,
                         std::uintptr_t stream) {
  constexpr const char* op = "letterbox_planar";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Plain y = plain(y_array, op, "y");
  const Fit fit = fit_of(mode, op);
  require(x.n == 1 && x.size() > 0, op, "x must be one image, not empty");
  check_output(y, x.c, op);
  WithoutGil release;
  letterbox_planar(x, y, fit, stream_of(stream));
}

void bind_resize(Module& m) {
  using py::arg;
  m.def("letterbox", &py_letterbox, arg("image"), arg("y"), arg("swap_rb"), arg("mode"), arg("stream") = 0,
        "A uint8 image (H, W, C) into y (1, C, h, w), by Darknet's resize; mode letterbox or stretch");
  m.def("letterbox_planar", &py_letterbox_planar, arg("x"), arg("y"), arg("mode"), arg("stream") = 0,
        "A float image (1, C, H, W) into y (1, C, h, w), by Darknet's resize; mode letterbox or stretch");
}

const Binding resize_entries(&bind_resize);

}  // namespace
}  // namespace pydarknet::bindings
