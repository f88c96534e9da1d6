// F(2x2, 3x3) in 8 bits (Lavin and Gray 2015): the input of each tile of 4 x 4 is transformed and rounded to
// bytes, multiplied point by point with transformed weights that were rounded to 8 bits, and the sums are
// transformed to 2 x 2 outputs, exactly: 17 multiplications for 36.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/int8/kernel.h"
#include "cpu/int8/tile_outputs.h"
#include "cpu/int8/tile_product.h"
#include "cpu/int8/transform.h"
#include "cpu/int8/transform_pairs.h"
#include "cpu/lib/scratch.h"
#include "cpu/lib/sizes.h"
#include "shared/threads.h"

namespace pydarknet::int8 {

// How the tiles are cut into tasks. A group is some rows of tiles of one image.
struct TileGroups {
  int across, down;  // tiles of an image
  int rows;          // of tiles, of a group
  int per_image, count;
  int chunks;           // tasks the panels are split into
  int panels;           // that are multiplied side by side
  std::ptrdiff_t row;   // bytes of a padded row of one channel block
  std::int64_t padded;  // bytes of a channel block's padded rows
  std::int64_t planes;  // of the group's transformed input
  std::int64_t slot;    // of all that is a thread's own
  int most() const { return rows * across; }
};

// The tiles of a group are multiplied in runs of nearly the same length, which is that of the largest group.
struct TileRuns {
  int tiles, blocks;  // of channels
  int count, length;
  int together;  // runs whose sums are kept at a time

  TileRuns(int tiles, int most, int channels);
  std::int64_t run_elements() const { return std::int64_t{length} * blocks * kByteBlock; }
  // From one plane to the next, and of one panel's sums: odd numbers of cache lines, lest the planes of a
  // tile fall into few sets.
  std::int64_t plane_elements() const {
    return kWordBytes * odd_lines((run_elements() * count + kWordBytes - 1) / kWordBytes);
  }
  std::int64_t sums() const { return odd_lines(std::int64_t{together} * length * kPanelBlocks * kByteBlock); }
};

// Where the transformed input of a channel block's tiles lies in the first plane, one tile after another.
template <class Element>
class PlanePlaces {
 public:
  PlanePlaces(const TileRuns& runs, Element* planes, int block)
      : at_(planes + std::int64_t{block} * runs.length * kByteBlock),
        next_run_(runs.run_elements() - std::int64_t{runs.length} * kByteBlock),
        length_(runs.length),
        left_(runs.length) {}

  PYDARKNET_INLINE Element* operator()() {
    Element* here = at_;
    at_ += kByteBlock;
    if (--left_ == 0) at_ += next_run_, left_ = length_;
    return here;
  }

 private:
  Element* at_;
  std::ptrdiff_t next_run_;
  int length_, left_;
};

// A row of tiles.
template <class Element>
void transform_row(const std::uint8_t* from, std::ptrdiff_t row, int zero, int tiles,
                   std::ptrdiff_t plane_step, PlanePlaces<Element>& next) {
#if defined(__AVX512BW__)
  if constexpr (std::is_same_v<Element, std::uint8_t>) {
    return transform_pairs(from, row, zero, tiles, plane_step, next);
  }
#endif
  for (; tiles > 0; --tiles, from += kTileOutputs * kByteBlock)
    transform_tile(from, row, zero, next(), plane_step);
}

TileGroups tile_groups(const ConvShape& shape, int element, int threads);

template <class Body>
class TiledConvolution : public Int8Convolution {
 public:
  using Element = typename Body::Element;
  static constexpr int kElement = static_cast<int>(sizeof(Element)), kPixel = kByteBlock * kElement;

  const char* name() const override { return Body::name; }
  bool runs() const override { return Body::runs(); }
  bool pools(const ConvShape&, int) const override { return true; }

  // Panels, then what is added to each output and filter, then each filter's unit.
  std::int64_t packed_bytes(const ConvShape& s, int) const override {
    return panels_bytes(s) + std::int64_t{kOutputs + 1} * filters(s) * kWordBytes;
  }

  void pack(const ConvShape& s, int, const std::int8_t* weights, std::uint8_t* packed) const override {
    const int panels = panels_of(s);
    auto* added = reinterpret_cast<std::int32_t*>(packed + panels_bytes(s));
    auto* units = reinterpret_cast<float*>(added + std::int64_t{kOutputs} * filters(s));
    parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto panel = static_cast<int>(begin); panel < end; ++panel) {
        pack_panel(s, weights, panel, packed + panel * panel_bytes(s), added, units);
      }
    });
  }

  void units(const ConvShape& s, const std::uint8_t* packed, float* to) const override {
    std::memcpy(to, packed + panels_bytes(s) + std::int64_t{kOutputs} * filters(s) * kWordBytes,
                sizeof(float) * s.k);
  }

  std::int64_t workspace(const ConvShape& s, int, int threads) const override {
    const TileGroups g = tile_groups(s, kElement, threads);
    return Scratch<std::uint8_t>::size(0, g.slot, threads);
  }

  void forward(const Int8ConvCall& call, ConstBytes x, Bytes y) const override {
    run(call, x, [&](TileOutputs& out, int image, int block) {
      out.bytes = y.block(image, block);
      out.block = y.plane();
    });
  }
  void forward(const Int8ConvCall& call, ConstBytes x, Tensor y) const override {
    run(call, x, [&](TileOutputs& out, int image, int block) {
      out.floats = y.block(image, block * kVectors);
      out.block = y.plane();
      out.float_blocks = y.blocks() - block * kVectors;
    });
  }

 private:
  static constexpr int kLastRow = plane_of(kPoints - kTileInputs);  // its first plane

  static const std::uint8_t* bytes_of(const Element* x) { return reinterpret_cast<const std::uint8_t*>(x); }
  static int filters(const ConvShape& s) { return (s.k + kByteBlock - 1) / kByteBlock * kByteBlock; }
  static int channel_blocks(const ConvShape& s) { return (s.c + kByteBlock - 1) / kByteBlock; }
  // Of one point and one block of filters.
  static std::int64_t point_bytes(const ConvShape& s) {
    return std::int64_t{channel_blocks(s)} * kByteBlock * kElement * kByteBlock;
  }
  static std::int64_t panel_bytes(const ConvShape& s) { return point_bytes(s) * kPoints * kPanelBlocks; }
  static std::int64_t panels_bytes(const ConvShape& s) {
    return point_bytes(s) * kPoints * (filters(s) / kByteBlock);
  }
  static int blocks_in(const ConvShape& s, int panel) {
    return std::min(kPanelBlocks, filters(s) / kByteBlock - panel * kPanelBlocks);
  }

  // [point][channel block][word][filter][element of the word], zeros past k and c.
  static void pack_panel(const ConvShape& s, const std::int8_t* weights, int panel, std::uint8_t* packed,
                         std::int32_t* added, float* units) {
    constexpr int kGroup = Body::kGroup;
    const int first = panel * kPanelBlocks * kByteBlock, count = blocks_in(s, panel) * kByteBlock;
    const int channels = channel_blocks(s) * kByteBlock;
    std::vector<std::int8_t> points(std::size_t{kPoints} * channels);
    auto* to = reinterpret_cast<Element*>(packed);
    for (int k = first; k < first + count; ++k) {
      std::fill(points.begin(), points.end(), std::int8_t{0});
      units[k] = k < s.k ? transform_filter(weights + std::int64_t{k} * s.c * 9, s.c, channels, points.data())
                         : 1.0f;
      std::int32_t sums[kPoints], outputs[kOutputs];
      for (int point = 0; point < kPoints; ++point) {
        const std::int8_t* from = points.data() + std::int64_t{point} * channels;
        sums[point] = 0;
        for (int c = 0; c < channels; ++c) {
          const std::int64_t word = (std::int64_t{point} * channels + c) / kGroup;
          to[(word * count + k - first) * kGroup + c % kGroup] = static_cast<Element>(from[c]);
          sums[point] -= kMiddle * from[c];
        }
      }
      outputs_of_points(sums, outputs);
      for (int i = 0; i < kOutputs; ++i) added[std::int64_t{i} * filters(s) + k] = outputs[i];
    }
  }

  template <class Place>
  void run(const Int8ConvCall& call, ConstBytes x, const Place& place) const {
    const ConvShape& s = call.shape;
    int threads = num_threads();
    while (threads > 1 && workspace(s, x.lanes, threads) > call.workspace_bytes) --threads;
    const TileGroups g = tile_groups(s, kElement, threads);
    const Scratch<std::uint8_t> scratch(call.workspace, call.workspace_bytes, 0, threads);
    const int parts = std::min(threads, g.count * g.chunks), panels = panels_of(s);
    Tasks tasks(std::int64_t{g.count} * g.chunks, parts);
    parallel_parts(parts, [&](int part, int) {
      std::uint8_t* own = scratch.own(part);
      auto* planes = reinterpret_cast<Element*>(own + g.padded);
      auto* sums = reinterpret_cast<std::int32_t*>(own + g.padded + g.planes);
      int transformed = -1;
      for (std::int64_t task; (task = tasks.take(part)) >= 0;) {
        const int group = static_cast<int>(task / g.chunks), chunk = static_cast<int>(task % g.chunks);
        if (transformed != group) transform_group(s, g, transformed = group, x, call.zero, own, planes);
        const auto last = part_begin(panels, chunk + 1, g.chunks);
        for (auto panel = part_begin(panels, chunk, g.chunks); panel < last; panel += g.panels) {
          panels_product(call, g, group, static_cast<int>(panel),
                         static_cast<int>(std::min(last, panel + g.panels)), planes, sums, place);
        }
      }
    });
  }

  // Rows of tiles of a group.
  static int rows_in(const TileGroups& g, int group) {
    return std::min(g.rows, g.down - group % g.per_image * g.rows);
  }

  // Into [plane][run][channel block][tile of the run], one channel block after another by way of its padded
  // rows.
  static void transform_group(const ConvShape& s, const TileGroups& g, int group, ConstBytes x, int zero,
                              std::uint8_t* padded, Element* planes) {
    const int first = group % g.per_image * g.rows * kTileOutputs - s.pad_y, rows = rows_in(g, group);
    const TileRuns runs(rows * g.across, g.most(), s.c);
    const std::ptrdiff_t step = runs.plane_elements();
    for (int block = 0; block < x.blocks; ++block) {
      pad_rows(x, group / g.per_image, block, first, rows * kTileOutputs + 2, s.pad_x, zero, padded, g.row);
      PlanePlaces<Element> next(runs, planes, block);
      for (int i = 0; i < rows; ++i) {
        transform_row(padded + i * kTileOutputs * g.row, g.row, zero, g.across, step, next);
      }
    }
  }

  // The outputs of a group for some panels, which are multiplied side by side: run by run where a panel's
  // weights are near, else plane by plane, so that they come once.
  template <class Place>
  static void panels_product(const Int8ConvCall& call, const TileGroups& g, int group, int first, int last,
                             const Element* planes, std::int32_t* sums, const Place& place) {
    const TileRuns runs(rows_in(g, group) * g.across, g.most(), call.shape.c);
    // The last row of points is for second rows of outputs, which the last tiles of an odd height have not.
    const bool odd = call.shape.out_h() % 2 && (group + 1) % g.per_image == 0;
    const int fewer = odd ? runs.tiles - g.across : runs.tiles;
    const auto write = [&](int panel, int begin, int count) {
      TileOutputs out{};
      place(out, group / g.per_image, panel * kPanelBlocks);
      TileSums found = panel_sums(call.shape, runs, panel, call.packed);
      found.sums = sums + std::int64_t{panel - first} * kPlanes * runs.sums();
      found.row = group % g.per_image * g.rows + begin / g.across;
      found.column = begin % g.across;
      found.count = count;
      found.across = g.across;
      const auto tiles = call.pooled ? &write_tiles<true> : &write_tiles<false>;
      tiles(call, out, found, panel * kPanelBlocks, blocks_in(call.shape, panel));
    };
    if (runs.together == 1) {
      for (int panel = first; panel < last; ++panel) {
        near_product(call, runs, panel, fewer, planes,
                     sums + std::int64_t{panel - first} * kPlanes * runs.sums(),
                     [&](int begin, int count) { write(panel, begin, count); });
      }
      return;
    }
    for (int plane = 0; plane < kPlanes; ++plane) {
      for (int panel = first; panel < last; ++panel) {
        far_product(call, runs, panel, panel + 1 < last ? panel + 1 : first, plane,
                    plane < kLastRow ? runs.tiles : fewer, planes,
                    sums + (std::int64_t{panel - first} * kPlanes + plane) * runs.sums());
      }
    }
    for (int panel = first; panel < last; ++panel) write(panel, 0, runs.tiles);
  }

  static TileSums panel_sums(const ConvShape& s, const TileRuns& runs, int panel,
                             const std::uint8_t* packed) {
    TileSums found{};
    found.step = std::ptrdiff_t{blocks_in(s, panel)} * kByteBlock;
    found.plane_step = runs.sums();
    found.added =
        reinterpret_cast<const std::int32_t*>(packed + panels_bytes(s)) + panel * kPanelBlocks * kByteBlock;
    found.added_step = filters(s);
    return found;
  }

  // The sums of a panel, one run in all planes after another; the weights of the next panel are asked for.
  // Calls write(first tile, tiles).
  template <class Write>
  static void near_product(const Int8ConvCall& call, const TileRuns& runs, int panel, int fewer,
                           const Element* planes, std::int32_t* sums, const Write& write) {
    const ConvShape& s = call.shape;
    const bool more = panel + 1 < panels_of(s);
    TileProducts p{};
    p.x_block = runs.length * kPixel;
    p.blocks = runs.blocks;
    p.x_step = runs.plane_elements() * kElement;
    p.weights_step = point_bytes(s) * blocks_in(s, panel);
    p.sums_step = runs.sums();
    p.ahead = point_weights(call, 0, panel + more);
    p.ahead_step = more ? panel_bytes(s) / (std::int64_t{runs.count} * kPlanes * p.blocks) : 0;
    const TileKernel* kernels = tile_kernels<Body>(blocks_in(s, panel));
    for (int run = 0; run < runs.count; ++run) {
      const int begin = run * runs.length, count = std::min(runs.length, runs.tiles - begin);
      // The rest of the sum has its weights, and the last planes have fewer tiles.
      for (const auto& [plane, end] :
           {std::pair{0, kRestPlane}, {kRestPlane, kLastRow}, {kLastRow, kPlanes}}) {
        const int tiles = plane < kLastRow ? count : std::min(count, fewer - begin);
        if (tiles <= 0) continue;
        p.times = end - plane;
        p.x = bytes_of(planes + plane * runs.plane_elements() + run * runs.run_elements());
        p.weights = point_weights(call, point_of(plane), panel);
        p.sums = sums + plane * runs.sums();
        kernels[tiles - 1](p);
      }
      write(begin, count);
    }
  }

  // The sums of a panel in one plane, of so many tiles; the weights of the next panel, or plane, are asked
  // for.
  static void far_product(const Int8ConvCall& call, const TileRuns& runs, int panel, int next, int plane,
                          int tiles, const Element* planes, std::int32_t* sums) {
    const ConvShape& s = call.shape;
    const int blocks = blocks_in(s, panel);
    TileProducts p{};
    p.x_block = runs.length * kPixel;
    p.blocks = runs.blocks;
    p.x = bytes_of(planes + plane * runs.plane_elements());
    p.x_step = runs.run_elements() * kElement;
    p.weights = point_weights(call, point_of(plane), panel);
    p.sums = sums;
    p.sums_step = std::ptrdiff_t{runs.length} * blocks * kByteBlock;
    p.ahead = point_weights(call, point_of(std::min(plane + (next <= panel), kPlanes - 1)), next);
    p.ahead_step = kPixel * kByteBlock * blocks / runs.count;
    const TileKernel* kernels = tile_kernels<Body>(blocks);
    p.times = tiles / runs.length;
    kernels[runs.length - 1](p);
    p.times = 1;
    if (tiles % runs.length) kernels[tiles % runs.length - 1](p);
  }

  static const std::uint8_t* point_weights(const Int8ConvCall& call, int point, int panel) {
    const ConvShape& s = call.shape;
    return call.packed + panel * panel_bytes(s) + point * point_bytes(s) * blocks_in(s, panel);
  }
};

const Int8Convolution& madd_tiles();
// nullptr where no such instruction exists.
const Int8Convolution* dot_tiles();

}  // namespace pydarknet::int8
