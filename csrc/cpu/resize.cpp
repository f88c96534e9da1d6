#include "ops/resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cpu/lib/samples.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

// Where the columns of the output lie in a row of the source.
struct Columns {
  std::vector<int> first, second;
  std::vector<float> fraction;
  int neighbours = 0;  // of the first so many columns `second` is next to `first`

  Columns(int from, int to) {
    for (const Sample& s : samples(from, to, true)) {
      if (s.second > s.first && neighbours == count()) ++neighbours;
      first.push_back(s.first);
      second.push_back(s.second);
      fraction.push_back(s.fraction);
    }
  }

  int count() const { return static_cast<int>(first.size()); }
};

constexpr int kWord = 4;  // channels that one read of a pixel brings
constexpr bool kLittleEndian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

class Bytes {
 public:
  Bytes(Image x, bool swap_rb, const Columns& columns)
      : x_(x), swap_rb_(swap_rb), columns_(columns), first_(columns.count()), second_(first_) {
    for (const int column : columns.first) begin_.push_back(std::int64_t{column} * x.c);
  }

  // One row, resized: out[channel * columns + column].
  void narrow(int y, float* out) {
    const int count = columns_.count();
    const std::uint8_t* row = readable(y);
    for (int group = 0; group < x_.c; group += kWord) {
      read(row + group);
      for (int i = 0; i < std::min(kWord, x_.c - group); ++i) {
        const int channel = swap_rb_ ? x_.c - 1 - group - i : group + i;
        blend_bytes(first_.data(), second_.data(), shift_to(i), columns_.fraction.data(),
                    out + channel * count, count);
      }
    }
  }

 private:
  // The row, with two words' bytes behind it: those of the next rows, or of a copy's end.
  const std::uint8_t* readable(int y) {
    const std::int64_t bytes = std::int64_t{x_.w} * x_.c;
    const std::uint8_t* row = x_.data + y * bytes;
    if ((x_.h - 1 - y) * bytes >= 2 * kWord) return row;
    padded_.assign(row, row + bytes);
    padded_.resize(bytes + 2 * kWord);
    return padded_.data();
  }

  // Pixels are brought together first, so that the arithmetic on them is vectors'. Neighbours take one read.
  void read(const std::uint8_t* row) {
    const int count = columns_.count(), c = x_.c;
    const int pairs = kLittleEndian && c <= kWord ? columns_.neighbours : 0;
    const std::int64_t* begin = begin_.data();
    std::int32_t *first = first_.data(), *second = second_.data();
    for (int i = 0; i < pairs; ++i) {
      std::uint64_t both;
      std::memcpy(&both, row + begin[i], sizeof both);
      first[i] = static_cast<std::int32_t>(both);
      second[i] = static_cast<std::int32_t>(both >> 8 * c);
    }
    for (int i = pairs; i < count; ++i) {
      std::memcpy(&first[i], row + begin[i], kWord);
      std::memcpy(&second[i], row + std::int64_t{columns_.second[i]} * c, kWord);
    }
  }

  // From a word to its byte i in memory.
  static int shift_to(int i) { return 8 * (kLittleEndian ? i : kWord - 1 - i); }

  static void blend_bytes(const std::int32_t* first, const std::int32_t* second, int shift,
                          const float* fraction, float* out, int count) {
    for (int i = 0; i < count; ++i) {
      const int a = first[i] >> shift & 255, b = second[i] >> shift & 255;
      out[i] = between(unit_of(a), unit_of(b), fraction[i]);
    }
  }

  Image x_;
  bool swap_rb_;
  const Columns& columns_;
  std::vector<std::int64_t> begin_;  // of each column's first pixel in a row
  std::vector<std::int32_t> first_, second_;
  std::vector<std::uint8_t> padded_;
};

class Planes {
 public:
  Planes(ConstPlain x, const Columns& columns) : x_(x), columns_(columns) {}

  void narrow(int y, float* out) {
    for (int channel = 0; channel < x_.c; ++channel) {
      const float* row = x_.channel(0, channel) + std::int64_t{y} * x_.w;
      for (int i = 0; i < columns_.count(); ++i) {
        *out++ = between(row[columns_.first[i]], row[columns_.second[i]], columns_.fraction[i]);
      }
    }
  }

 private:
  ConstPlain x_;
  const Columns& columns_;
};

void blend(const float* first, const float* second, float fraction, float* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = between(first[i], second[i], fraction);
}

// The two source rows a row of output lies between, narrowed; kept from one row of output to the next.
template <class Source>
class RowPair {
 public:
  RowPair(const Source& source, std::size_t floats) : source_(source) {
    for (auto& row : rows_) row.resize(floats);
  }

  const float* get(int y) {
    if (y == held_[0]) return rows_[0].data();
    if (y == held_[1]) return rows_[1].data();
    const int slot = held_[0] < held_[1] ? 0 : 1;  // rows are asked for in rising order
    source_.narrow(y, rows_[slot].data());
    held_[slot] = y;
    return rows_[slot].data();
  }

 private:
  Source source_;
  std::array<std::vector<float>, 2> rows_;
  std::array<int, 2> held_{-1, -1};
};

// Row r of one channel of the canvas, but for the image in it; returns where that begins.
float* frame_row(Plain y, int channel, int r, Frame frame) {
  float* out = y.channel(0, channel) + std::int64_t{r} * y.w;
  std::fill_n(out, frame.left, kCanvas);
  std::fill(out + frame.left + frame.w, out + y.w, kCanvas);
  return out + frame.left;
}

// Rows [begin, end) of the canvas.
template <class Source>
void draw(const Source& source, Frame frame, const std::vector<Sample>& rows, Plain y, int begin, int end) {
  RowPair<Source> pair(source, std::size_t(y.c) * frame.w);
  for (int r = begin; r < end; ++r) {
    const int inside = r - frame.top;
    if (inside < 0 || inside >= frame.h) {
      for (int c = 0; c < y.c; ++c) std::fill_n(y.channel(0, c) + std::int64_t{r} * y.w, y.w, kCanvas);
      continue;
    }
    const Sample s = rows[inside];
    const bool last = inside == frame.h - 1;
    const float *first = pair.get(s.first), *second = last ? first : pair.get(s.second);
    for (int c = 0; c < y.c; ++c, first += frame.w, second += frame.w) {
      float* out = frame_row(y, c, r, frame);
      if (last)
        for (int i = 0; i < frame.w; ++i) out[i] = (1 - s.fraction) * first[i];
      else
        blend(first, second, s.fraction, out, frame.w);
    }
  }
}

template <class Source>
void fit_into(const Source& source, Frame frame, int from_h, Plain y) {
  const std::vector<Sample> rows = samples(from_h, frame.h, false);
  parallel_for(y.h, 16, [&](std::int64_t begin, std::int64_t end) {
    draw(source, frame, rows, y, static_cast<int>(begin), static_cast<int>(end));
  });
}

}  // namespace

void letterbox(Image x, Plain y, bool swap_rb, Fit fit, Stream) {
  const Frame frame = frame_of(x.w, x.h, y.w, y.h, fit);
  const Columns columns(x.w, frame.w);
  fit_into(Bytes{x, swap_rb, columns}, frame, x.h, y);
}

void letterbox_planar(ConstPlain x, Plain y, Fit fit, Stream) {
  const Frame frame = frame_of(x.w, x.h, y.w, y.h, fit);
  const Columns columns(x.w, frame.w);
  fit_into(Planes{x, columns}, frame, x.h, y);
}

}  // namespace pydarknet
