// Images for training, from bytes (BGR) to the planes of the network's input (RGB in 0..1) in one pass:
// placed, cropped or turned, then their colours distorted and the whole mirrored. Bit for bit what Darknet's
// formulas give in float32 without fused multiply-adds. They run on the calling thread alone: whoever loads
// images has threads of its own, and the pool is for the network.
#pragma once
#include "ops/resize.h"

namespace pydarknet {

// Hue is shifted by -1 to 1 (a whole turn), saturation and value are multiplied. {0, 1, 1} changes nothing.
struct Distortion {
  float hue, saturation, exposure;
  PYDARKNET_HD bool neutral() const { return hue == 0 && saturation == 1 && exposure == 1; }
};

struct Look {
  Distortion colour;
  bool flip;
};

// The image is w x h on a canvas of .5, its corner at (left, top); what lies outside is cut off. Samples
// are not corner-aligned, and the last column and row fade to black.
struct Placement {
  int left, top, w, h;
};

// This part of the image fills the output, by Darknet's resize; beyond its edges the edge is repeated.
struct Window {
  int left, top, w, h;
};

// The output is a window on the image, turned about its centre and enlarged by scale, its width then
// divided by aspect, moved by (dx, dy) pixels of output. Outside is black, or with edge the edge repeated.
struct Turn {
  float radians, scale, aspect, dx, dy;
  bool edge;
};

// x has three channels and y is (1, 3, h, w); neither is empty.
void augment_place(Image x, Plain y, Placement placement, Look look, Stream stream);
void augment_crop(Image x, Plain y, Window window, Look look, Stream stream);
void augment_turn(Image x, Plain y, Turn turn, Look look, Stream stream);

}  // namespace pydarknet
