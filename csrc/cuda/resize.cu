#include "device.h"
#include "ops/resize.h"
#include "shared/sampling.h"

namespace pydarknet {
namespace {

struct Bytes {
  Image x;
  bool swap_rb;

  __device__ float at(int channel, int row, int column) const {
    const std::int64_t pixel = std::int64_t{row} * x.w + column;
    return unit_of(x.data[pixel * x.c + (swap_rb ? x.c - 1 - channel : channel)]);
  }
};

struct Planes {
  ConstPlain x;

  __device__ float at(int channel, int row, int column) const {
    return x.channel(0, channel)[std::int64_t{row} * x.w + column];
  }
};

// Widths first, then heights; the last row lacks its second term.
template <class Source>
__device__ float resized(const Source& source, int channel, Sample row, bool last, Sample column) {
  const auto narrowed = [&](int y) {
    return between(source.at(channel, y, column.first), source.at(channel, y, column.second),
                   column.fraction);
  };
  const float first = narrowed(row.first);
  return last ? product(1 - row.fraction, first) : between(first, narrowed(row.second), row.fraction);
}

// One thread for each pixel of the canvas.
template <class Source>
__global__ void fit_into(Source source, Plain y, Frame frame) {
  for (std::int64_t p = global_thread(); p < y.plane(); p += global_threads()) {
    const int row = static_cast<int>(p / y.w) - frame.top, column = static_cast<int>(p % y.w) - frame.left;
    const bool inside = row >= 0 && row < frame.h && column >= 0 && column < frame.w;
    const Sample down = inside ? sample_at(row, source.x.h, frame.h, false) : Sample{};
    const Sample along = inside ? sample_at(column, source.x.w, frame.w, true) : Sample{};
    for (int c = 0; c < y.c; ++c) {
      y.channel(0, c)[p] = inside ? resized(source, c, down, row == frame.h - 1, along) : kCanvas;
    }
  }
}

template <class Source>
void fit_on_device(const char* op, Source source, Plain y, Fit fit, Stream stream) {
  const Frame frame = frame_of(source.x.w, source.x.h, y.w, y.h, fit);
  launch(op, fit_into<Source>, grid_for(y.plane()), 256, 0, stream, source, y, frame);
}

}  // namespace

void letterbox(Image x, Plain y, bool swap_rb, Fit fit, Stream stream) {
  fit_on_device("letterbox", Bytes{x, swap_rb}, y, fit, stream);
}

void letterbox_planar(ConstPlain x, Plain y, Fit fit, Stream stream) {
  fit_on_device("letterbox_planar", Planes{x}, y, fit, stream);
}

}  // namespace pydarknet
