// Images to the network's input, by Darknet's two-pass bilinear resize.
#pragma once
#include <algorithm>

#include "ops/tensor.h"

namespace pydarknet {

enum class Fit {
  kLetterbox,  // scaled to fit, centred on a canvas of .5
  kStretch,    // scaled to fill
};

// An image as files and cameras give it: rows of pixels, `c` interleaved bytes each.
struct Image {
  const std::uint8_t* data;
  int h, w, c;
};

// y (1, c, H, W) becomes the image in 0..1; with swap_rb, BGR becomes RGB. The image isn't empty.
// Widths go first, heights second, each with corners aligned and in float32 without fused multiply-adds:
// bit for bit what Darknet gives for the bytes divided by 255.
void letterbox(Image x, Plain y, bool swap_rb, Fit fit, Stream stream);

// The same for an image (1, c, h, w) of floats, channels in place.
void letterbox_planar(ConstPlain x, Plain y, Fit fit, Stream stream);

// Where the image lies on the canvas; without width or height where it is too thin for any pixel.
struct Frame {
  int left, top, w, h;
};

inline Frame frame_of(int from_w, int from_h, int w, int h, Fit fit) {
  if (fit == Fit::kStretch) return {0, 0, w, h};
  const bool wide =
      static_cast<float>(w) / static_cast<float>(from_w) < static_cast<float>(h) / static_cast<float>(from_h);
  // The quotients may agree in float32 and differ in truth, by less than a pixel: hence the minimum.
  const int new_w = wide ? w : std::min<int>(w, std::int64_t{from_w} * h / from_h);
  const int new_h = wide ? std::min<int>(h, std::int64_t{from_h} * w / from_w) : h;
  return {(w - new_w) / 2, (h - new_h) / 2, new_w, new_h};
}

// What the image does not cover.
inline constexpr float kCanvas = 0.5f;

}  // namespace pydarknet
