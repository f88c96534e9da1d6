// The arithmetic of augmentation for one pixel, bit for bit the same on every device.
#pragma once
#include <cmath>

#include "ops/augment.h"
#include "shared/sampling.h"

namespace pydarknet {

struct Rgb {
  float red, green, blue;
};

PYDARKNET_DEVICE inline float larger(float a, float b) { return a > b ? a : b; }
PYDARKNET_DEVICE inline float smaller(float a, float b) { return a < b ? a : b; }
PYDARKNET_DEVICE inline float clamped(float value) { return smaller(larger(value, 0.0f), 1.0f); }
template <class Int>
PYDARKNET_DEVICE inline int clamped(Int value, int end) {
  return static_cast<int>(value < 0 ? 0 : value < end ? value : end - 1);
}

// To hue, saturation and value, changed there, and back. Grey has no hue: saturation 0 hides whatever it
// gets. Every choice is between numbers that are there already, so that a loop of it becomes vectors.
PYDARKNET_DEVICE inline Rgb distorted(Rgb colour, Distortion by) {
  const float r = colour.red, g = colour.green, b = colour.blue;
  const float most = larger(r, larger(g, b)), delta = most - smaller(r, smaller(g, b));
  const float of_red = g - b, of_green = b - r, of_blue = r - g;
  const float below_red = g == most ? of_green : of_blue, corner = g == most ? 2.0f : 4.0f;
  const float along = r == most ? of_red : below_red, base = r == most ? 0.0f : corner;
  const float sixth = base + along / (delta > 0 ? delta : 1.0f);
  const float hue = (sixth < 0 ? sixth + 6 : sixth) / 6 + by.hue;
  const float lowered = hue > 1 ? hue - 1 : hue;
  const float s = product(delta / (most > 0 ? most : 1.0f), by.saturation), v = most * by.exposure;
  const float at = product(6.0f, lowered < 0 ? lowered + 1 : lowered);
  const float sector = static_cast<float>(static_cast<int>(at)), f = at - sector;
  const float p = v * (1 - s), q = v * (1 - product(s, f)), t = v * (1 - product(s, 1 - f));
  const float red_3 = sector < 4 ? p : sector < 5 ? t : v, green_3 = sector < 4 ? q : p;
  const float blue_3 = sector < 5 ? v : q;
  return {clamped(sector < 1   ? v
                  : sector < 2 ? q
                               : red_3),
          clamped(sector < 1   ? t
                  : sector < 3 ? v
                               : green_3),
          clamped(sector < 2   ? p
                  : sector < 3 ? t
                               : blue_3)};
}

// Between four neighbours.
struct Corners {
  float top_left, bottom_left, top_right, bottom_right;
};
PYDARKNET_DEVICE inline float bilinear(Corners of, float dx, float dy) {
  return product(product(1 - dy, 1 - dx), of.top_left) + product(product(dy, 1 - dx), of.bottom_left) +
         product(product(1 - dy, dx), of.top_right) + product(product(dy, dx), of.bottom_right);
}

// Sample i of a placed side of `size` pixels.
PYDARKNET_DEVICE inline Sample placed_sample(int i, int size, int from) {
  const float at = product(static_cast<float>(i) / static_cast<float>(size), static_cast<float>(from));
  const int first = static_cast<int>(at);
  return {first, first + 1, at - static_cast<float>(first)};
}

// Sample i of a window's side, on the image's edge where it lies beyond.
PYDARKNET_DEVICE inline Sample window_sample(int i, int start, int size, int to, int from, bool last_exact) {
  const Sample s = sample_at(i, size, to, last_exact);
  return {clamped(std::int64_t{start} + s.first, from), clamped(std::int64_t{start} + s.second, from),
          s.fraction};
}

// Far outside, where all is edge, but within int; what is no number goes there too.
PYDARKNET_DEVICE inline float near(float position) {
  constexpr float kFar = 1 << 30;
  return position < kFar ? (position > -kFar ? position : -kFar) : kFar;
}

// From pixels of a turned window to places in the image.
struct Turning {
  double sine, cosine, middle_x, middle_y, scale, aspect, moved_x, moved_y;
  float centre_x, centre_y;

  struct Place {
    float x, y;
  };
  PYDARKNET_DEVICE double along(int column) const {
    return product((column - middle_x) / scale, aspect) + moved_x;
  }
  PYDARKNET_DEVICE double across(int row) const { return (row - middle_y) / scale + moved_y; }
  PYDARKNET_DEVICE Place at(double along, double across) const {
    return {static_cast<float>(product(cosine, along) - product(sine, across) + centre_x),
            static_cast<float>(product(sine, along) + product(cosine, across) + centre_y)};
  }
};

inline Turning turning_of(Turn turn, Image x, int w, int h) {
  const double radians{turn.radians};
  return {std::sin(radians),
          std::cos(radians),
          w / 2.0,
          h / 2.0,
          turn.scale,
          turn.aspect,
          turn.dx / turn.scale * turn.aspect,
          turn.dy / turn.scale,
          static_cast<float>(x.w) / 2.0f,
          static_cast<float>(x.h) / 2.0f};
}

// Three channels of a turned image at one place; `byte(row, column, channel)` is a pixel that exists.
template <class Byte>
PYDARKNET_DEVICE inline Rgb turned_pixel(Image x, Turning::Place at, bool edge, const Byte& byte) {
  const bool touches =
      at.x > -1 && at.x < static_cast<float>(x.w) && at.y > -1 && at.y < static_cast<float>(x.h);
  if (!touches && !edge) return {0, 0, 0};
  const float x_near = near(at.x), y_near = near(at.y), floor_x = floorf(x_near), floor_y = floorf(y_near);
  const float dx = x_near - floor_x, dy = y_near - floor_y;
  const int left = static_cast<int>(floor_x), top = static_cast<int>(floor_y);
  const auto pixel = [&](int row, int column, int channel) {
    const int inside_x = clamped(column, x.w), inside_y = clamped(row, x.h);
    if (!edge && (column != inside_x || row != inside_y)) return 0.0f;
    return byte(inside_y, inside_x, channel);
  };
  const auto value = [&](int c) {
    return bilinear(
        {pixel(top, left, c), pixel(top + 1, left, c), pixel(top, left + 1, c), pixel(top + 1, left + 1, c)},
        dx, dy);
  };
  return {value(0), value(1), value(2)};
}

}  // namespace pydarknet
