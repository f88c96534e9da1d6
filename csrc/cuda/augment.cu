#include "device.h"
#include "shared/augment_pixels.h"

namespace pydarknet {
namespace {

constexpr int kChannels = 3;

// A byte of a BGR image as red, green or blue in 0..1.
struct Bytes {
  Image x;

  __device__ float operator()(int row, int column, int channel) const {
    const std::int64_t pixel = std::int64_t{row} * x.w + column;
    return unit_of(x.data[pixel * kChannels + kChannels - 1 - channel]);
  }
};

// Each source gives the colours of one pixel of the output, before its look.
struct Placed {
  Bytes byte;
  Placement at;

  __device__ Rgb operator()(const Plain&, int row, int column) const {
    const std::int64_t r = std::int64_t{row} - at.top, c = std::int64_t{column} - at.left;
    if (r < 0 || r >= at.h || c < 0 || c >= at.w) return {kCanvas, kCanvas, kCanvas};
    const Sample down = placed_sample(static_cast<int>(r), at.h, byte.x.h);
    const Sample along = placed_sample(static_cast<int>(c), at.w, byte.x.w);
    const auto pixel = [&](int y, int x, int channel) {
      return y < byte.x.h && x < byte.x.w ? byte(y, x, channel) : 0.0f;
    };
    const auto value = [&](int channel) {
      const Corners corners{pixel(down.first, along.first, channel), pixel(down.second, along.first, channel),
                            pixel(down.first, along.second, channel),
                            pixel(down.second, along.second, channel)};
      return bilinear(corners, along.fraction, down.fraction);
    };
    return {value(0), value(1), value(2)};
  }
};

struct Cropped {
  Bytes byte;
  Window at;

  __device__ Rgb operator()(const Plain& y, int row, int column) const {
    const Sample down = window_sample(row, at.top, at.h, y.h, byte.x.h, false);
    const Sample along = window_sample(column, at.left, at.w, y.w, byte.x.w, true);
    const auto narrowed = [&](int line, int channel) {
      return between(byte(line, along.first, channel), byte(line, along.second, channel), along.fraction);
    };
    const auto value = [&](int channel) {
      const float first = narrowed(down.first, channel);
      if (row + 1 == y.h) return product(1 - down.fraction, first);
      return between(first, narrowed(down.second, channel), down.fraction);
    };
    return {value(0), value(1), value(2)};
  }
};

struct Turned {
  Bytes byte;
  Turning turning;
  bool edge;

  __device__ Rgb operator()(const Plain&, int row, int column) const {
    return turned_pixel(byte.x, turning.at(turning.along(column), turning.across(row)), edge, byte);
  }
};

// One thread for each pixel of the output.
template <class Source>
__global__ void paint(Source source, Plain y, Look look) {
  const bool neutral = look.colour.neutral();
  for (std::int64_t p = global_thread(); p < y.plane(); p += global_threads()) {
    const int row = static_cast<int>(p / y.w), column = static_cast<int>(p % y.w);
    const Rgb source_colour = source(y, row, column);
    const Rgb colour = neutral ? source_colour : distorted(source_colour, look.colour);
    float* out = y.data + p + (look.flip ? y.w - 1 - 2 * column : 0);
    out[0] = colour.red;
    out[y.plane()] = colour.green;
    out[2 * y.plane()] = colour.blue;
  }
}

template <class Source>
void paint_on_device(const char* op, Source source, Plain y, Look look, Stream stream) {
  launch(op, paint<Source>, grid_for(y.plane()), 256, 0, stream, source, y, look);
}

}  // namespace

void augment_place(Image x, Plain y, Placement placement, Look look, Stream stream) {
  paint_on_device("augment_place", Placed{{x}, placement}, y, look, stream);
}

void augment_crop(Image x, Plain y, Window window, Look look, Stream stream) {
  paint_on_device("augment_crop", Cropped{{x}, window}, y, look, stream);
}

void augment_turn(Image x, Plain y, Turn turn, Look look, Stream stream) {
  paint_on_device("augment_turn", Turned{{x}, turning_of(turn, x, y.w, y.h), turn.edge}, y, look, stream);
}

}  // namespace pydarknet
