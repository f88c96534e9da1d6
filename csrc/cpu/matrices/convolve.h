// Direct convolution by matrix registers: tasks of bands and panels, each of them products of two tiles of
// pixels with a panel of filters.
#pragma once
#include <algorithm>

#include "cpu/lib/scratch.h"
#include "cpu/lib/sizes.h"
#include "cpu/matrices/bands.h"
#include "cpu/simd/matrix_product.h"
#include "shared/threads.h"

namespace pydarknet {

// What one product found, and where it belongs.
template <class Sum>
struct MatrixSums {
  Sum* sums;                // [tile of pixels][pixel][filter], see simd::kSums
  int image, first_filter;  // of the panel
  int filter_tiles, pixel_tiles, pixels;
  // The output of each pixel of each tile, in a plane whose pixels are counted row by row. What is no output
  // has the place of the next pixel that is one, which follows in this product or a later one of the thread.
  std::int64_t place[simd::kPixelTiles][simd::kMatrixRows];
  int row, column;  // of the first; if outputs are pooled the second tile lies below the first

  Sum* at(int pixel_tile, int pixel, int filter_tile) const {
    return sums + pixel_tile * simd::kSumsTile + pixel * simd::kSumsPitch + filter_tile * simd::kTileFilters;
  }
  int filter(int filter_tile) const { return first_filter + filter_tile * simd::kTileFilters; }
};

// The tiles of a band in pairs: neighbours, or one below the other.
class MatrixTiles {
 public:
  MatrixTiles(const ConvShape& s, const MatrixBands& b, int rows)
      : below_(b.pooled),
        rows_(b.flat ? 1 : rows),
        run_(b.run(s, rows)),
        tile_(b.tile),
        across_(ceil_div(run_, b.tile)) {}

  int count() const { return rows_ * across_; }
  // Of a tile's first pixel; of a run that is flat, all in row 0.
  int row(int i) const { return below_ ? i / 2 / across_ * 2 + i % 2 : i / across_; }
  int column(int i) const { return std::min((below_ ? i / 2 : i) % across_ * tile_, run_ - tile_); }

 private:
  bool below_;
  int rows_, run_, tile_, across_;
};

// Weights that so many products ask for, each for a part.
class WeightsAhead {
 public:
  WeightsAhead(const std::uint8_t* from, std::int64_t bytes, std::int64_t steps)
      : from_(from), end_(from + bytes), lines_(ceil_div(bytes, simd::kMatrixBytes * steps)) {}
  void next(simd::MatrixProduct& p) {
    p.ahead = from_;
    p.ahead_lines = from_ < end_ ? lines_ : 0;
    from_ += std::ptrdiff_t{p.ahead_lines} * p.steps * simd::kMatrixBytes;
  }

 private:
  const std::uint8_t *from_, *const end_;
  const int lines_;
};

// What comes after the sums of a product, some of it at each step of the next one. Finish has begin(sums),
// which says how many parts there are, and does one when it is called.
template <class Finish>
class Pending {
 public:
  explicit Pending(const Finish& finish) : finish_(finish) {}
  // Of the last product, beside one of so many steps.
  template <class Sum>
  void begin(const MatrixSums<Sum>& found, int steps) {
    next_ = 0;
    parts_ = finish_.begin(found);
    each_ = static_cast<unsigned>(ceil_div(parts_, steps));
  }
  // Not inline: what it needs would drive the pointers of the products into vector registers.
  __attribute__((noinline)) void operator()() {
    for (const unsigned end = std::min(next_ + each_, parts_); next_ < end; ++next_) finish_(next_);
  }
  void rest() {
    while (next_ < parts_) (*this)();
  }

 private:
  Finish finish_;
  unsigned next_ = 0, parts_ = 0, each_ = 1;
};

// One call: its bands, and what multiplies them.
template <class Factors>
struct MatrixTasks {
  using Sum = typename Factors::Sum;

  const ConvShape& shape;
  const MatrixLayout& layout;
  const MatrixBands& bands;
  const std::uint8_t* packed;
  const Sum* start;  // of each filter's sum, for whole tiles

  // `source(band, own scratch)` is where a band's input lies, copied there if need be.
  template <class Matrices, class Source, class Finish>
  void run(const Scratch<std::uint8_t>& scratch, int threads, const Source& source,
           const Finish& finish) const {
    const MatrixBands& b = bands;
    const std::int64_t count = std::int64_t{b.count} * b.chunks;
    const int parts = static_cast<int>(std::min<std::int64_t>(threads, count));
    const std::vector<std::ptrdiff_t> offsets = b.offsets(shape, layout);
    Tasks tasks(count, parts);
    parallel_parts(parts, [&](int part, int) {
      Matrices m(simd::product_shapes(b.tile));
      std::uint8_t* const own = scratch.own(part);
      Worker<Finish> worker(*this, offsets.data(), reinterpret_cast<Sum*>(own), finish);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (copied != band) worker.from = source(copied = band, own + b.sums);
        const auto last = part_begin(layout.panels, chunk + 1, b.chunks);
        for (auto panel = part_begin(layout.panels, chunk, b.chunks); panel < last; ++panel) {
          worker.multiply(m, band, static_cast<int>(panel));
        }
      }
      worker.rest();
    });
  }

 private:
  template <class Finish>
  class Worker {
   public:
    // `waiting`: sums that wait for their next part.
    Worker(const MatrixTasks& tasks, const std::ptrdiff_t* offsets, Sum* waiting, const Finish& finish)
        : t_(tasks), offsets_(offsets), waiting_(waiting), pending_(finish) {
      p_.pixel = std::ptrdiff_t{t_.shape.stride_x} * t_.layout.pixel;
    }

    // One band and one panel.
    template <class Matrices>
    void multiply(Matrices& m, int band, int panel) {
      for (int part = 0; part < t_.layout.parts; ++part) multiply(m, band, panel, part);
    }
    void rest() { pending_.rest(); }

    const std::uint8_t* from = nullptr;  // the band

   private:
    template <class Matrices>
    void multiply(Matrices& m, int band, int panel, int part) {
      const MatrixLayout& layout = t_.layout;
      const MatrixTiles tiles(t_.shape, t_.bands, t_.bands.rows_in(t_.shape, band));
      const int filters = panel * simd::kSumsPitch, step = layout.first_step(part);
      MatrixSums<Sum> found{
          sums_, band / t_.bands.per_image, filters, layout.tiles_in(panel), 0, t_.bands.tile, {}, 0, 0};
      const std::int64_t step_bytes = std::int64_t{found.filter_tiles} * simd::kTileBytes;
      p_.offsets = offsets_ + step;
      p_.steps = layout.first_step(part + 1) - step;
      p_.weights = t_.packed + panel * layout.panel_bytes() + step * step_bytes;
      p_.goes_on = part > 0;
      WeightsAhead ahead = ahead_of(panel, part, ceil_div(tiles.count(), simd::kPixelTiles));
      for (int first = 0; first < tiles.count(); first += simd::kPixelTiles) {
        if (layout.parts > 1) found.sums = waiting_ + first / simd::kPixelTiles * simd::kSums;
        p_.start = part > 0 ? found.sums : t_.start + filters;
        place(found, tiles, band, first);
        ahead.next(p_);
        found.pixel_tiles == 1 ? product<1>(m, found) : product<2>(m, found);
        if (part + 1 == layout.parts) pending_.begin(found, layout.steps / layout.parts);
      }
    }

    void place(MatrixSums<Sum>& found, const MatrixTiles& tiles, int band, int first) {
      found.pixel_tiles = std::min(simd::kPixelTiles, tiles.count() - first);
      for (int i = found.pixel_tiles - 1; i >= 0; --i) {
        found.row = tiles.row(first + i);
        found.column = tiles.column(first + i);
        p_.x[i] = from + found.row * t_.shape.stride_y * t_.bands.row + found.column * p_.pixel;
        if (t_.bands.flat) {
          found.row = found.column / t_.bands.width;
          found.column %= t_.bands.width;
        }
        found.row += t_.bands.first_row(band);
        place_pixels(found, found.place[i]);
      }
    }

    // Of a tile that begins at found's row and column.
    void place_pixels(const MatrixSums<Sum>& found, std::int64_t* places) const {
      const int w = t_.shape.out_w();
      std::int64_t row = std::int64_t{found.row} * w;
      if (found.column + found.pixels <= w) {
        for (int r = 0; r < simd::kMatrixRows; ++r) places[r] = row + found.column + r;
        return;
      }
      for (int r = 0, column = found.column; r < found.pixels; ++r) {
        places[r] = row + std::min(column, w);
        if (++column == t_.bands.width) column = 0, row += w;
      }
    }

    // The next part's weights, which lie behind those of this one.
    WeightsAhead ahead_of(int panel, int part, int products) const {
      const MatrixLayout& layout = t_.layout;
      const bool same = part + 1 < layout.parts, more = same || panel + 1 < layout.panels;
      const int next = same ? part + 1 : 0, tiles = more ? layout.tiles_in(panel + !same) : 0;
      const std::int64_t bytes =
          std::int64_t{layout.first_step(next + 1) - layout.first_step(next)} * tiles * simd::kTileBytes;
      return {p_.weights + std::int64_t{p_.steps} * layout.tiles_in(panel) * simd::kTileBytes, bytes,
              std::int64_t{products} * p_.steps};
    }

    template <int I, class Matrices>
    void product(Matrices& m, const MatrixSums<Sum>& found) {
      found.filter_tiles == 1 ? simd::matrix_product<Factors, I, 1>(m, p_, found.sums, pending_)
                              : simd::matrix_product<Factors, I, 2>(m, p_, found.sums, pending_);
    }

    const MatrixTasks& t_;
    const std::ptrdiff_t* const offsets_;
    Sum* const waiting_;
    simd::MatrixProduct p_{};
    Pending<Finish> pending_;
    alignas(64) Sum sums_[simd::kSums] = {};  // of a product
  };
};

}  // namespace pydarknet
