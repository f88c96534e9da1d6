#include <algorithm>
#include <array>
#include <vector>

#include "cpu/lib/samples.h"
#include "shared/augment_pixels.h"

namespace pydarknet {
namespace {

constexpr int kChannels = 3;

// One row of the output: red, green, blue.
class Row {
 public:
  explicit Row(int width) : values_(std::size_t{kChannels} * width), width_(width) {}
  float* operator[](int channel) { return values_.data() + std::size_t{1} * channel * width_; }
  const float* operator[](int channel) const { return values_.data() + std::size_t{1} * channel * width_; }
  int width() const { return width_; }
  void fill(float value) { std::fill(values_.begin(), values_.end(), value); }

 private:
  std::vector<float> values_;
  int width_;
};

void distort(float* __restrict red, float* __restrict green, float* __restrict blue, int count,
             Distortion by) {
  for (int i = 0; i < count; ++i) {
    const Rgb colour = distorted({red[i], green[i], blue[i]}, by);
    red[i] = colour.red;
    green[i] = colour.green;
    blue[i] = colour.blue;
  }
}

// Rows come from `source(y, row)`; they are distorted, mirrored and put where they belong.
template <class Source>
void paint(Source&& source, Plain y, Look look) {
  Row row(y.w);
  for (int r = 0; r < y.h; ++r) {
    source(r, row);
    if (!look.colour.neutral()) distort(row[0], row[1], row[2], y.w, look.colour);
    for (int c = 0; c < kChannels; ++c) {
      float* out = y.channel(0, c) + std::int64_t{r} * y.w;
      if (look.flip) {
        std::reverse_copy(row[c], row[c] + y.w, out);
      } else {
        std::copy_n(row[c], y.w, out);
      }
    }
  }
}

// The bytes of an image as red, green and blue in 0..1.
struct Bytes {
  Image x;
  std::array<float, 256> unit = unit_table();

  const std::uint8_t* line(int y) const { return x.data + std::int64_t{y} * x.w * kChannels; }
  float at(const std::uint8_t* line, int column, int channel) const {
    return unit[line[std::int64_t{column} * kChannels + kChannels - 1 - channel]];
  }
};

// What was made of two rows of the source, kept from one row of output to the next; rows are asked for in
// rising order. Made is default-constructed from a width and filled by make(y, made).
template <class Made>
class Pair {
 public:
  explicit Pair(int width) : made_{Made(width), Made(width)} {}

  template <class Make>
  const Made& get(int y, Make&& make) {
    if (y == held_[0]) return made_[0];
    if (y == held_[1]) return made_[1];
    const int slot = held_[0] < held_[1] ? 0 : 1;
    make(y, made_[slot]);
    held_[slot] = y;
    return made_[slot];
  }

 private:
  std::array<Made, 2> made_;
  std::array<int, 2> held_{-1, -1};
};

// The left and right neighbours of each sample of a row.
struct Taps {
  Row left, right;
  explicit Taps(int width) : left(width), right(width) {}
};

// The part of the canvas that a placed side of `size` pixels from `start` covers, and its samples there.
struct Span {
  int begin, end;
  std::vector<Sample> taken;

  Span(int start, int size, int canvas, int from)
      : begin(std::clamp(start, 0, canvas)),
        end(static_cast<int>(std::clamp<std::int64_t>(std::int64_t{start} + size, begin, canvas))) {
    for (int i = begin; i < end; ++i) taken.push_back(placed_sample(i - start, size, from));
  }
  int size() const { return end - begin; }
};

class Placed {
 public:
  Placed(Image x, Plain y, Placement at)
      : bytes_{x}, columns_(at.left, at.w, y.w, x.w), rows_(at.top, at.h, y.h, x.h), pair_(columns_.size()) {}

  void operator()(int r, Row& out) {
    out.fill(kCanvas);
    if (r < rows_.begin || r >= rows_.end) return;
    const Sample s = rows_.taken[r - rows_.begin];
    const auto make = [this](int y, Taps& taps) { take(y, taps); };
    const Taps& above = pair_.get(s.first, make);
    const Taps& below = pair_.get(s.second, make);
    for (int c = 0; c < kChannels; ++c) blend(above, below, s.fraction, c, out[c] + columns_.begin);
  }

 private:
  void take(int y, Taps& taps) const {
    if (y >= bytes_.x.h) {
      taps.left.fill(0);
      taps.right.fill(0);
      return;
    }
    const std::uint8_t* line = bytes_.line(y);
    const int last = bytes_.x.w - 1;
    for (int c = 0; c < kChannels; ++c) {
      for (int i = 0; i < columns_.size(); ++i) {
        const Sample s = columns_.taken[i];
        taps.left[c][i] = s.first > last ? 0.0f : bytes_.at(line, s.first, c);
        taps.right[c][i] = s.second > last ? 0.0f : bytes_.at(line, s.second, c);
      }
    }
  }

  void blend(const Taps& above, const Taps& below, float dy, int c, float* out) const {
    const float *a = above.left[c], *b = below.left[c], *d = above.right[c], *e = below.right[c];
    for (int i = 0; i < columns_.size(); ++i) {
      out[i] = bilinear({a[i], b[i], d[i], e[i]}, columns_.taken[i].fraction, dy);
    }
  }

  Bytes bytes_;
  Span columns_, rows_;
  Pair<Taps> pair_;
};

std::vector<Sample> window_samples(int start, int size, int to, int from, bool last_exact) {
  std::vector<Sample> taken;
  for (int i = 0; i < to; ++i) taken.push_back(window_sample(i, start, size, to, from, last_exact));
  return taken;
}

class Cropped {
 public:
  Cropped(Image x, Plain y, Window at)
      : bytes_{x},
        columns_(window_samples(at.left, at.w, y.w, x.w, true)),
        rows_(window_samples(at.top, at.h, y.h, x.h, false)),
        pair_(y.w) {}

  void operator()(int r, Row& out) {
    const Sample s = rows_[r];
    const auto make = [this](int y, Row& row) { narrow(y, row); };
    const Row& above = pair_.get(s.first, make);
    const bool last = r + 1 == static_cast<int>(rows_.size());
    const Row& below = last ? above : pair_.get(s.second, make);
    for (int c = 0; c < kChannels; ++c) {
      for (int i = 0; i < out.width(); ++i) {
        out[c][i] =
            last ? product(1 - s.fraction, above[c][i]) : between(above[c][i], below[c][i], s.fraction);
      }
    }
  }

 private:
  void narrow(int y, Row& row) const {
    const std::uint8_t* line = bytes_.line(y);
    for (int c = 0; c < kChannels; ++c) {
      for (int i = 0; i < row.width(); ++i) {
        const Sample s = columns_[i];
        row[c][i] = between(bytes_.at(line, s.first, c), bytes_.at(line, s.second, c), s.fraction);
      }
    }
  }

  Bytes bytes_;
  std::vector<Sample> columns_, rows_;
  Pair<Row> pair_;
};

class Turned {
 public:
  Turned(Image x, Plain y, Turn at) : bytes_{x}, turning_(turning_of(at, x, y.w, y.h)), edge_(at.edge) {
    for (int i = 0; i < y.w; ++i) along_.push_back(turning_.along(i));
  }

  void operator()(int r, Row& out) const {
    const double across = turning_.across(r);
    const auto byte = [this](int row, int column, int channel) {
      return bytes_.at(bytes_.line(row), column, channel);
    };
    for (int i = 0; i < out.width(); ++i) {
      const Rgb colour = turned_pixel(bytes_.x, turning_.at(along_[i], across), edge_, byte);
      out[0][i] = colour.red;
      out[1][i] = colour.green;
      out[2][i] = colour.blue;
    }
  }

 private:
  Bytes bytes_;
  Turning turning_;
  bool edge_;
  std::vector<double> along_;
};

}  // namespace

void augment_place(Image x, Plain y, Placement placement, Look look, Stream) {
  paint(Placed(x, y, placement), y, look);
}

void augment_crop(Image x, Plain y, Window window, Look look, Stream) {
  paint(Cropped(x, y, window), y, look);
}

void augment_turn(Image x, Plain y, Turn turn, Look look, Stream) { paint(Turned(x, y, turn), y, look); }

}  // namespace pydarknet
