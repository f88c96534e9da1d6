#include "ops/resize.h"

#include <algorithm>
#include <array>
#include <vector>

#include "cpu/lib/samples.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

struct Bytes {
  Image x;
  bool swap_rb;
  std::array<float, 256> unit = unit_table();

  // One channel of one row, resized to out[0..columns).
  void row(int channel, int y, const std::vector<Sample>& columns, float* out) const {
    const std::uint8_t* from = x.data + std::int64_t{y} * x.w * x.c + (swap_rb ? x.c - 1 - channel : channel);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Sample s = columns[i];
      out[i] = between(unit[from[std::int64_t{s.first} * x.c]], unit[from[std::int64_t{s.second} * x.c]],
                       s.fraction);
    }
  }
};

struct Planes {
  ConstPlain x;

  void row(int channel, int y, const std::vector<Sample>& columns, float* out) const {
    const float* from = x.channel(0, channel) + std::int64_t{y} * x.w;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Sample s = columns[i];
      out[i] = between(from[s.first], from[s.second], s.fraction);
    }
  }
};

void blend(const float* first, const float* second, float fraction, float* out, int count) {
  for (int i = 0; i < count; ++i) out[i] = between(first[i], second[i], fraction);
}

// The two source rows a row of output lies between, narrowed; kept from one row of output to the next.
template <class Source>
class RowPair {
 public:
  RowPair(const Source& source, int channel, const std::vector<Sample>& columns)
      : source_(source), channel_(channel), columns_(columns) {
    for (auto& row : rows_) row.resize(columns.size());
  }

  const float* get(int y) {
    if (y == held_[0]) return rows_[0].data();
    if (y == held_[1]) return rows_[1].data();
    const int slot = held_[0] < held_[1] ? 0 : 1;  // rows are asked for in rising order
    source_.row(channel_, y, columns_, rows_[slot].data());
    held_[slot] = y;
    return rows_[slot].data();
  }

 private:
  const Source& source_;
  int channel_;
  const std::vector<Sample>& columns_;
  std::array<std::vector<float>, 2> rows_;
  std::array<int, 2> held_{-1, -1};
};

// Rows [begin, end) of one channel of the canvas.
template <class Source>
void draw(const Source& source, int channel, Frame frame, const std::vector<Sample>& columns,
          const std::vector<Sample>& rows, Plain y, int begin, int end) {
  RowPair<Source> pair(source, channel, columns);
  for (int r = begin; r < end; ++r) {
    float* out = y.channel(0, channel) + std::int64_t{r} * y.w;
    const int inside = r - frame.top;
    if (inside < 0 || inside >= frame.h) {
      std::fill_n(out, y.w, kCanvas);
      continue;
    }
    std::fill_n(out, frame.left, kCanvas);
    std::fill(out + frame.left + frame.w, out + y.w, kCanvas);
    const Sample s = rows[inside];
    const float* first = pair.get(s.first);
    if (inside == frame.h - 1) {
      for (int i = 0; i < frame.w; ++i) out[frame.left + i] = (1 - s.fraction) * first[i];
    } else {
      blend(first, pair.get(s.second), s.fraction, out + frame.left, frame.w);
    }
  }
}

template <class Source>
void fit_into(const Source& source, int from_w, int from_h, Plain y, Fit fit) {
  const Frame frame = frame_of(from_w, from_h, y.w, y.h, fit);
  const std::vector<Sample> columns = samples(from_w, frame.w, true), rows = samples(from_h, frame.h, false);
  parallel_for(std::int64_t{y.c} * y.h, 64, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const int channel = static_cast<int>(begin / y.h), first = static_cast<int>(begin % y.h);
      const int count = static_cast<int>(std::min<std::int64_t>(end - begin, y.h - first));
      draw(source, channel, frame, columns, rows, y, first, first + count);
      begin += count;
    }
  });
}

}  // namespace

void letterbox(Image x, Plain y, bool swap_rb, Fit fit, Stream) {
  fit_into(Bytes{x, swap_rb}, x.w, x.h, y, fit);
}

void letterbox_planar(ConstPlain x, Plain y, Fit fit, Stream) { fit_into(Planes{x}, x.w, x.h, y, fit); }

}  // namespace pydarknet
