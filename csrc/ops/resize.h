// Pictures to the network's input, by Darknet's two-pass bilinear resize.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

enum class Fit {
  kLetterbox,  // scaled to fit, centred on a canvas of .5
  kStretch,    // scaled to fill
};

// A picture as files and cameras give it: rows of pixels, `c` interleaved bytes each.
struct Picture {
  const std::uint8_t* data;
  int h, w, c;
};

// y (1, c, H, W) becomes the picture in 0..1; with swap_rb, BGR becomes RGB. The picture isn't empty.
// Widths go first, heights second, each with corners aligned and in float32 without fused multiply-adds:
// bit for bit what Darknet gives for the bytes divided by 255.
void letterbox(Picture x, Plain y, bool swap_rb, Fit fit, Stream stream);

// The same for a picture (1, c, h, w) of floats, channels in place.
void letterbox_planar(ConstPlain x, Plain y, Fit fit, Stream stream);

}  // namespace pydarknet
