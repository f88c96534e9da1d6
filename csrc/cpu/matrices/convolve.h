// Direct convolution by matrix registers: tasks of bands and panels, each of them products of two tiles of
// pixels with a panel of filters.
#pragma once
#include <algorithm>
#include <vector>

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
  const MatrixTile* tiles;  // the first of them; if outputs are pooled the second one lies below it
  int first_row;            // of the band

  Sum* at(int pixel_tile, int pixel, int filter_tile) const {
    return sums + pixel_tile * simd::kSumsTile + pixel * simd::kSumsPitch + filter_tile * simd::kTileFilters;
  }
  int filter(int filter_tile) const { return first_filter + filter_tile * simd::kTileFilters; }
  // Of the first tile.
  int row() const { return first_row + tiles->row; }
  int column() const { return tiles->column; }
  // Where a tile's row begins in an output plane of such rows, whose pixels are counted row by row; what its
  // places() count from.
  std::int64_t begin(int pixel_tile, int width) const {
    return (std::int64_t{first_row} + tiles[pixel_tile].row) * width;
  }
  // Of each pixel. What is no output has the place of the next pixel that is one, which follows in this
  // product or a later one of the thread.
  const int* places(int pixel_tile) const { return tiles[pixel_tile].places; }
};

// What the sums of each filter begin with. Aligned, since registers load it for each product: lines that
// cross those of the cache take a fifth of the time of short sums.
template <class Sum>
class MatrixStart {
 public:
  // Of the first `count` filters, from `first` on if there is one; the others begin with 0.
  MatrixStart(const Sum* first, int count)
      : panels_(static_cast<std::size_t>(ceil_div(count, simd::kSumsPitch))) {
    for (int i = 0; first && i < count; ++i)
      panels_[i / simd::kSumsPitch].sums[i % simd::kSumsPitch] = first[i];
  }
  const Sum* panel(int i) const { return panels_[i].sums; }

 private:
  struct alignas(64) Panel {
    Sum sums[simd::kSumsPitch] = {};
  };
  std::vector<Panel> panels_;
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
  const MatrixStart<Sum>& start;

  // `source(band, own scratch)` is where a band's input lies, copied there if need be.
  template <class Matrices, class Source, class Finish>
  void run(const Scratch<std::uint8_t>& scratch, int threads, const Source& source,
           const Finish& finish) const {
    const MatrixBands& b = bands;
    const std::int64_t count = std::int64_t{b.count} * b.chunks;
    const int parts = static_cast<int>(std::min<std::int64_t>(threads, count));
    const std::vector<std::ptrdiff_t> offsets = b.offsets(shape, layout);
    const std::vector<int> places = b.places(shape);
    Tasks tasks(count, parts);
    parallel_parts(parts, [&](int part, int) {
      Matrices m(simd::product_shapes(b.tile));
      std::uint8_t* const own = scratch.own(part);
      Worker<Finish> worker(*this, offsets.data(), places.data(), reinterpret_cast<Sum*>(own), finish);
      int copied = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int band = static_cast<int>(task / b.chunks), chunk = static_cast<int>(task % b.chunks);
        if (copied != band) worker.begin(band, source(copied = band, own + b.sums));
        worker.multiply(m, static_cast<int>(part_begin(layout.panels, chunk, b.chunks)),
                        static_cast<int>(part_begin(layout.panels, chunk + 1, b.chunks)));
      }
      worker.rest();
    });
  }

 private:
  template <class Finish>
  class Worker {
   public:
    // `waiting`: sums that wait for their next part.
    Worker(const MatrixTasks& tasks, const std::ptrdiff_t* offsets, const int* places, Sum* waiting,
           const Finish& finish)
        : t_(tasks), offsets_(offsets), places_(places), waiting_(waiting), pending_(finish) {
      p_.pixel = std::ptrdiff_t{t_.shape.stride_x} * t_.layout.pixel;
    }

    // A band, whose input is at `from`.
    void begin(int band, const std::uint8_t* from) {
      band_ = band;
      from_ = from;
      const int rows = t_.bands.rows_in(t_.shape, band);
      if (rows == rows_) return;
      rest();  // it knows the tiles
      rows_ = rows;
      tiles_ = t_.bands.tiles(t_.shape, t_.layout, rows, places_);
    }
    // Panels [begin, end) of it.
    template <class Matrices>
    void multiply(Matrices& m, int begin, int end) {
      const int count = static_cast<int>(tiles_.size());
      for (int panel = begin; panel < end; ++panel) {
        for (int part = 0; part < t_.layout.parts; ++part) {
          WeightsAhead ahead = ahead_of(panel, part, ceil_div(count, simd::kPixelTiles));
          for (int first = 0; first < count; first += simd::kPixelTiles)
            product(m, panel, part, first, ahead);
        }
      }
    }
    void rest() { pending_.rest(); }

   private:
    // Of the tiles from `first` on.
    template <class Matrices>
    void product(Matrices& m, int panel, int part, int first, WeightsAhead& ahead) {
      const MatrixLayout& layout = t_.layout;
      const int left = static_cast<int>(tiles_.size()) - first, step = layout.first_step(part);
      const bool waits = layout.parts > 1;
      const MatrixSums<Sum> found{waits ? waiting_ + first / simd::kPixelTiles * simd::kSums : sums_,
                                  band_ / t_.bands.per_image,
                                  panel * simd::kSumsPitch,
                                  layout.tiles_in(panel),
                                  std::min(simd::kPixelTiles, left),
                                  t_.bands.tile,
                                  &tiles_[first],
                                  t_.bands.first_row(band_)};
      p_.offsets = offsets_ + step;
      p_.steps = layout.first_step(part + 1) - step;
      p_.weights = weights(panel, part);
      p_.goes_on = part > 0;
      p_.start = part > 0 ? found.sums : t_.start.panel(panel);
      for (int i = 0; i < found.pixel_tiles; ++i) p_.x[i] = from_ + found.tiles[i].offset;
      ahead.next(p_);
      found.pixel_tiles == 1 ? product<1>(m, found) : product<2>(m, found);
      if (part + 1 == layout.parts) pending_.begin(found, layout.steps / layout.parts);
    }

    const std::uint8_t* weights(int panel, int part) const {
      const MatrixLayout& layout = t_.layout;
      return t_.packed + panel * layout.panel_bytes() +
             std::int64_t{layout.first_step(part)} * layout.tiles_in(panel) * simd::kTileBytes;
    }

    // The next part's weights, which lie behind those of this one.
    WeightsAhead ahead_of(int panel, int part, int products) const {
      const MatrixLayout& layout = t_.layout;
      const bool same = part + 1 < layout.parts, more = same || panel + 1 < layout.panels;
      if (!more) return {t_.packed, 0, 1};
      const int next = same ? part + 1 : 0, tiles = layout.tiles_in(panel + !same);
      const std::int64_t bytes =
          std::int64_t{layout.first_step(next + 1) - layout.first_step(next)} * tiles * simd::kTileBytes;
      const int steps = layout.first_step(part + 1) - layout.first_step(part);
      return {weights(panel + !same, next), bytes, std::int64_t{products} * steps};
    }

    template <int I, class Matrices>
    void product(Matrices& m, const MatrixSums<Sum>& found) {
      found.filter_tiles == 1 ? simd::matrix_product<Factors, I, 1>(m, p_, found.sums, pending_)
                              : simd::matrix_product<Factors, I, 2>(m, p_, found.sums, pending_);
    }

    const MatrixTasks& t_;
    const std::ptrdiff_t* const offsets_;
    const int* const places_;
    Sum* const waiting_;
    int band_ = 0, rows_ = 0;
    const std::uint8_t* from_ = nullptr;
    std::vector<MatrixTile> tiles_;  // of bands of so many rows
    simd::MatrixProduct p_{};
    Pending<Finish> pending_;
    alignas(64) Sum sums_[simd::kSums] = {};  // of a product
  };
};

}  // namespace pydarknet
