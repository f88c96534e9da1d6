#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ops/augment.h"
#include "ops/sampling.h"

// A fused multiply-add rounds once where Darknet rounds twice.
#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace pydarknet {
namespace {

constexpr int kChannels = 3;
constexpr float kCanvas = 0.5f;

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

float larger(float a, float b) { return a > b ? a : b; }
float smaller(float a, float b) { return a < b ? a : b; }
float clamped(float value) { return smaller(larger(value, 0.0f), 1.0f); }

// To hue, saturation and value, changed there, and back. Grey has no hue: saturation 0 hides whatever it
// gets. Every choice is between numbers that are there already, so that the loop becomes vectors.
void distort(float* __restrict red, float* __restrict green, float* __restrict blue, int count,
             Distortion by) {
  for (int i = 0; i < count; ++i) {
    const float r = red[i], g = green[i], b = blue[i];
    const float most = larger(r, larger(g, b)), delta = most - smaller(r, smaller(g, b));
    const float of_red = g - b, of_green = b - r, of_blue = r - g;
    const float below_red = g == most ? of_green : of_blue, corner = g == most ? 2.0f : 4.0f;
    const float along = r == most ? of_red : below_red, base = r == most ? 0.0f : corner;
    const float sixth = base + along / (delta > 0 ? delta : 1.0f);
    const float hue = (sixth < 0 ? sixth + 6 : sixth) / 6 + by.hue;
    const float lowered = hue > 1 ? hue - 1 : hue;
    const float s = delta / (most > 0 ? most : 1.0f) * by.saturation, v = most * by.exposure;
    const float at = 6 * (lowered < 0 ? lowered + 1 : lowered);
    const float sector = static_cast<float>(static_cast<int>(at)), f = at - sector;
    const float p = v * (1 - s), q = v * (1 - s * f), t = v * (1 - s * (1 - f));
    const float red_3 = sector < 4 ? p : sector < 5 ? t : v, green_3 = sector < 4 ? q : p;
    const float blue_3 = sector < 5 ? v : q;
    red[i] = clamped(sector < 1 ? v : sector < 2 ? q : red_3);
    green[i] = clamped(sector < 1 ? t : sector < 3 ? v : green_3);
    blue[i] = clamped(sector < 2 ? p : sector < 3 ? t : blue_3);
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

// The bytes of a picture as red, green and blue in 0..1.
struct Bytes {
  Picture x;
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
    for (int i = begin; i < end; ++i) {
      const float at = static_cast<float>(i - start) / static_cast<float>(size) * static_cast<float>(from);
      const int first = static_cast<int>(at);
      taken.push_back({first, first + 1, at - static_cast<float>(first)});
    }
  }
  int size() const { return end - begin; }
};

class Placed {
 public:
  Placed(Picture x, Plain y, Placement at)
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
      const float dx = columns_.taken[i].fraction;
      out[i] = (1 - dy) * (1 - dx) * a[i] + dy * (1 - dx) * b[i] + (1 - dy) * dx * d[i] + dy * dx * e[i];
    }
  }

  Bytes bytes_;
  Span columns_, rows_;
  Pair<Taps> pair_;
};

// The samples of a window's side, those beyond the picture on its edge.
std::vector<Sample> clamped_samples(int start, int size, int to, int from, bool last_exact) {
  std::vector<Sample> taken = samples(size, to, last_exact);
  const auto inside = [&](int i) {
    return static_cast<int>(std::clamp<std::int64_t>(std::int64_t{start} + i, 0, from - 1));
  };
  for (Sample& s : taken) s = {inside(s.first), inside(s.second), s.fraction};
  return taken;
}

class Cropped {
 public:
  Cropped(Picture x, Plain y, Window at)
      : bytes_{x},
        columns_(clamped_samples(at.left, at.w, y.w, x.w, true)),
        rows_(clamped_samples(at.top, at.h, y.h, x.h, false)),
        pair_(y.w) {}

  void operator()(int r, Row& out) {
    const Sample s = rows_[r];
    const auto make = [this](int y, Row& row) { narrow(y, row); };
    const Row& above = pair_.get(s.first, make);
    const bool last = r + 1 == static_cast<int>(rows_.size());
    const Row& below = last ? above : pair_.get(s.second, make);
    for (int c = 0; c < kChannels; ++c) {
      for (int i = 0; i < out.width(); ++i) {
        const float first = (1 - s.fraction) * above[c][i];
        out[c][i] = last ? first : first + s.fraction * below[c][i];
      }
    }
  }

 private:
  void narrow(int y, Row& row) const {
    const std::uint8_t* line = bytes_.line(y);
    for (int c = 0; c < kChannels; ++c) {
      for (int i = 0; i < row.width(); ++i) {
        const Sample s = columns_[i];
        row[c][i] =
            (1 - s.fraction) * bytes_.at(line, s.first, c) + s.fraction * bytes_.at(line, s.second, c);
      }
    }
  }

  Bytes bytes_;
  std::vector<Sample> columns_, rows_;
  Pair<Row> pair_;
};

class Turned {
 public:
  Turned(Picture x, Plain y, Turn at)
      : bytes_{x},
        at_(at),
        middle_(y.h / 2.0),
        sine_(std::sin(double{at.radians})),
        cosine_(std::cos(double{at.radians})) {
    const float moved = at.dx / at.scale * at.aspect;
    for (int i = 0; i < y.w; ++i) along_.push_back((i - y.w / 2.0) / at.scale * at.aspect + moved);
  }

  void operator()(int r, Row& out) const {
    const double across = (r - middle_) / at_.scale + at_.dy / at_.scale;
    const float centre_x = bytes_.x.w / 2.0f, centre_y = bytes_.x.h / 2.0f;
    for (int i = 0; i < out.width(); ++i) {
      const float x = static_cast<float>(cosine_ * along_[i] - sine_ * across + centre_x);
      const float y = static_cast<float>(sine_ * along_[i] + cosine_ * across + centre_y);
      sample(x, y, i, out);
    }
  }

 private:
  void sample(float x, float y, int i, Row& out) const {
    const bool touches =
        x > -1 && x < static_cast<float>(bytes_.x.w) && y > -1 && y < static_cast<float>(bytes_.x.h);
    if (!touches && !at_.edge) {
      for (int c = 0; c < kChannels; ++c) out[c][i] = 0;
      return;
    }
    const float floor_x = std::floor(near(x)), floor_y = std::floor(near(y));
    const float dx = near(x) - floor_x, dy = near(y) - floor_y;
    const int left = static_cast<int>(floor_x), top = static_cast<int>(floor_y);
    for (int c = 0; c < kChannels; ++c) {
      out[c][i] = (1 - dy) * (1 - dx) * pixel(left, top, c) + dy * (1 - dx) * pixel(left, top + 1, c) +
                  (1 - dy) * dx * pixel(left + 1, top, c) + dy * dx * pixel(left + 1, top + 1, c);
    }
  }

  // Far outside, where all is edge, but within int; what is no number goes there too.
  static float near(float position) {
    constexpr float kFar = 1 << 30;
    return position < kFar ? (position > -kFar ? position : -kFar) : kFar;
  }

  float pixel(int x, int y, int c) const {
    const int inside_x = std::clamp(x, 0, bytes_.x.w - 1), inside_y = std::clamp(y, 0, bytes_.x.h - 1);
    if (!at_.edge && (x != inside_x || y != inside_y)) return 0;
    return bytes_.at(bytes_.line(inside_y), inside_x, c);
  }

  Bytes bytes_;
  Turn at_;
  double middle_, sine_, cosine_;
  std::vector<double> along_;
};

}  // namespace

void augment_place(Picture x, Plain y, Placement placement, Look look, Stream) {
  paint(Placed(x, y, placement), y, look);
}

void augment_crop(Picture x, Plain y, Window window, Look look, Stream) {
  paint(Cropped(x, y, window), y, look);
}

void augment_turn(Picture x, Plain y, Turn turn, Look look, Stream) { paint(Turned(x, y, turn), y, look); }

}  // namespace pydarknet
