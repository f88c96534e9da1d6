// Direct convolution by matrix registers: the layout of what its steps multiply, and how it is cut into
// bands, the input of some output rows, and tiles, pixels of one output row.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/conv.h"

namespace pydarknet {

// A pixel of a band has up to 64 bytes of channels; with fewer channels a step multiplies pixels that lie
// side by side, as many as 64 bytes hold. Nothing here depends on what resizing a network changes.
struct MatrixLayout {
  MatrixLayout(const ConvShape& shape, int channel_bytes);
  // With pixels of so many bytes, which all channels fit.
  MatrixLayout(const ConvShape& shape, int channel_bytes, int pixel);

  int channel_bytes, pixel;  // bytes of a channel, and of one channel block of a pixel
  int together, across;      // pixels of a step; steps of a row of the kernel
  int blocks, steps;         // of channels; of a sum
  int tiles, panels;         // of 16 filters; of two such tiles
  int parts;                 // that the steps are cut into, whose weights fit the second-level cache

  int tiles_in(int panel) const;
  std::int64_t panel_bytes() const;  // of a whole one
  int first_step(int part) const { return static_cast<int>(std::int64_t{steps} * part / parts); }
  std::int64_t packed_bytes() const;
};

struct MatrixUse {
  bool in_place;  // a band may be the input itself, whose pixels are as the layout has them
  bool pooled;    // outputs are pooled, in windows of 2 x 2
};

// A tile of a band.
struct MatrixTile {
  std::ptrdiff_t offset;  // of its first pixel, in bytes from the band's
  int row, column;        // of that; of a run that is flat, all in row 0
  const int* places;      // of its pixels, from the row's first one on
};

struct MatrixBands {
  MatrixBands(const ConvShape& shape, const MatrixLayout& layout, MatrixUse use, int threads);

  // flat: the rows of a band are one run of pixels, some of which may be none of the output's: a row's right
  // padding is the left one of the next.
  bool in_place, pooled, flat;
  int rows, per_image, count;   // output rows of a band; bands
  int chunks;                   // tasks the panels are split into
  int width;                    // pixels of a band's row
  int tile;                     // pixels of a tile
  std::ptrdiff_t row, channel;  // bytes from one to the next
  std::int64_t tail;            // bytes of padding behind a channel block's last row
  std::int64_t slot, sums;      // bytes of a thread's copy, and of sums that wait for their next part

  // That of calls that pool and of those that don't.
  static std::int64_t most_own(const ConvShape& shape, const MatrixLayout& layout, bool in_place,
                               int threads);
  std::int64_t own() const { return sums + slot; }         // of a thread's scratch: sums, then its copy
  int run(const ConvShape& shape, int output_rows) const;  // pixels that are one run, of so many rows
  int first_row(int band) const { return band % per_image * rows; }
  int rows_in(const ConvShape& shape, int band) const;
  // Of such a run's pixels in an output, from its first one on. What is no output has the place of the next
  // one.
  std::vector<int> places(const ConvShape& shape) const;
  // Those of a band, neighbours or, if they are pooled, one below the other.
  std::vector<MatrixTile> tiles(const ConvShape& shape, const MatrixLayout& layout, int output_rows,
                                const int* places) const;
  // Of each step's first pixel: [channel block][row of the kernel][pixels side by side].
  std::vector<std::ptrdiff_t> offsets(const ConvShape& shape, const MatrixLayout& layout) const;
};

}  // namespace pydarknet
