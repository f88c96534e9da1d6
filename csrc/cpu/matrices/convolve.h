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
  // Of each tile's first pixel among the outputs. If these are pooled the second tile lies below the first.
  int row[simd::kPixelTiles], column[simd::kPixelTiles];

  Sum* at(int pixel_tile, int pixel, int filter_tile) const {
    return sums + pixel_tile * simd::kSumsTile + pixel * simd::kSumsPitch + filter_tile * simd::kTileFilters;
  }
  int filter(int filter_tile) const { return first_filter + filter_tile * simd::kTileFilters; }
  // Where a tile's first pixel lies in a plane of so many in a row.
  std::int64_t pixel(int tile, int width) const { return std::int64_t{row[tile]} * width + column[tile]; }
};

// The tiles of a band in pairs: neighbours, or one below the other.
class MatrixTiles {
 public:
  MatrixTiles(const ConvShape& s, const MatrixBands& b, int rows)
      : below_(b.pooled),
        rows_(b.flat ? 1 : rows),
        run_(b.flat ? rows * s.out_w() : s.out_w()),
        tile_(b.tile),
        across_(ceil_div(run_, b.tile)) {}

  int count() const { return rows_ * across_; }
  int row(int i) const { return below_ ? i / 2 / across_ * 2 + i % 2 : i / across_; }
  int column(int i) const { return std::min((below_ ? i / 2 : i) % across_ * tile_, run_ - tile_); }

 private:
  bool below_;
  int rows_, run_, tile_, across_;
};

// The weights of a panel, of which so many products each ask for a part.
class WeightsAhead {
 public:
  WeightsAhead(const MatrixLayout& layout, int panel, const std::uint8_t* packed, int products)
      : from_(packed + panel * layout.panel_bytes()), end_(from_) {
    if (panel >= layout.panels) return;
    const std::int64_t bytes = std::int64_t{layout.steps} * layout.tiles_in(panel) * simd::kTileBytes;
    end_ += bytes;
    lines_ = ceil_div(bytes, std::int64_t{simd::kMatrixBytes} * products * layout.steps);
  }
  void next(simd::MatrixProduct& p) {
    p.ahead = from_;
    p.ahead_lines = from_ < end_ ? lines_ : 0;
    from_ += std::ptrdiff_t{p.ahead_lines} * p.steps * simd::kMatrixBytes;
  }

 private:
  const std::uint8_t *from_, *end_;
  int lines_ = 0;
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
      Worker<Finish> worker(*this, offsets.data(), finish);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (copied != band) worker.from = source(copied = band, scratch.own(part));
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
    Worker(const MatrixTasks& tasks, const std::ptrdiff_t* offsets, const Finish& finish)
        : t_(tasks), pending_(finish) {
      p_.pixel = std::ptrdiff_t{t_.shape.stride_x} * t_.layout.pixel;
      p_.offsets = offsets;
      p_.steps = t_.layout.steps;
    }

    // One band and one panel.
    template <class Matrices>
    void multiply(Matrices& m, int band, int panel) {
      const MatrixTiles tiles(t_.shape, t_.bands, t_.bands.rows_in(t_.shape, band));
      const int filter_tiles = t_.layout.tiles_in(panel), first_filter = panel * simd::kSumsPitch;
      MatrixSums<Sum> found{
          nullptr, band / t_.bands.per_image, first_filter, filter_tiles, 0, t_.bands.tile, {}, {}};
      p_.start = t_.start + first_filter;
      p_.weights = t_.packed + panel * t_.layout.panel_bytes();
      WeightsAhead ahead(t_.layout, panel + 1, t_.packed, ceil_div(tiles.count(), simd::kPixelTiles));
      for (int first = 0; first < tiles.count(); first += simd::kPixelTiles) {
        found.sums = sums_[turn_ ^= 1];
        found.pixel_tiles = std::min(simd::kPixelTiles, tiles.count() - first);
        for (int i = 0; i < found.pixel_tiles; ++i) {
          const int row = tiles.row(first + i);
          found.column[i] = tiles.column(first + i);
          found.row[i] = t_.bands.first_row(band) + row;
          p_.x[i] = from + row * t_.shape.stride_y * t_.bands.row + found.column[i] * p_.pixel;
        }
        ahead.next(p_);
        found.pixel_tiles == 1 ? product<1>(m, filter_tiles) : product<2>(m, filter_tiles);
        pending_.rest();
        pending_.begin(found, p_.steps);
      }
    }
    void rest() { pending_.rest(); }

    const std::uint8_t* from = nullptr;  // the band

   private:
    template <int I, class Matrices>
    void product(Matrices& m, int filter_tiles) {
      filter_tiles == 1 ? simd::matrix_product<Factors, I, 1>(m, p_, sums_[turn_], pending_)
                        : simd::matrix_product<Factors, I, 2>(m, p_, sums_[turn_], pending_);
    }

    const MatrixTasks& t_;
    simd::MatrixProduct p_{};
    Pending<Finish> pending_;
    alignas(64) Sum sums_[2][simd::kSums] = {};  // of this product, and of the last one
    int turn_ = 0;
  };
};

}  // namespace pydarknet
