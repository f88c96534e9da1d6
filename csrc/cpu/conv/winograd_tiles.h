// How the CPU's Winograd convolution cuts its tiles into groups, and where a group's transforms lie.
#pragma once
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "cpu/conv/format.h"
#include "cpu/conv/panels.h"
#include "cpu/conv/winograd_edge.h"
#include "cpu/conv/winograd_kernels.h"
#include "cpu/lib/caches.h"
#include "cpu/lib/scratch.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/microkernel.h"

namespace pydarknet::winograd {

// What a core keeps close: kernels that many tile groups reuse, or a group's transformed input.
inline constexpr std::int64_t kCachedBytes = 1 << 20;
inline constexpr std::int64_t kFarBytes = 32 << 20;     // of a group's transformed input, at most
inline constexpr std::int64_t kProductBytes = 2 << 20;  // of a thread's products,
// and where the second-level cache is larger than those are kept close: they come back from there.
inline constexpr std::int64_t kNearProductBytes = 640 << 10;
// What stays in the second-level cache of a group: its transformed input, kernels, and some panels' products.
inline std::int64_t held_bytes() { return second_level_bytes() / 2 + (256 << 10); }
// What a panel's products in a plane cost beside the micro-kernel, in bytes that pass through that cache.
inline constexpr double kCallBytes = 1 << 10;
// Products beside some channels' kernels and transformed input.
inline constexpr std::int64_t kLazyProductBytes = 512 << 10;
inline constexpr int kPartChannels = 64;  // whose kernels are transformed together
// Up to so many threads that share out a group's panels transform its input each for itself, sooner than they
// get it from each other, if it stays in their caches.
inline constexpr int kOwnInputs = 2;

// An axis of the output: whole tiles of M, and maybe an edge of fewer, which sees only some of the products.
template <class S>
struct TiledAxis {
  static constexpr int M = S::kOutputs;

  explicit TiledAxis(int size) : whole(size / M), edge(size % M) {
    mark(std::make_integer_sequence<int, M>{});
  }

  int tiles() const { return whole + (edge > 0); }
  // Transformed inputs, and products, of all tiles.
  int planes() const { return whole * S::kPlanes + edge_planes; }
  int products() const { return whole * S::kProducts + edge_products; }

  int whole, edge;
  std::array<bool, S::kProducts> edge_sees{};

 private:
  template <int... R>
  void mark(std::integer_sequence<int, R...>) {
    (mark_if<R>(), ...);
  }
  template <int R>
  void mark_if() {
    if constexpr (R > 0) {
      using Axis = typename S::template Axis<R>;
      if (R != edge) return;
      for (int i = 0; i < Axis::kProducts; ++i) edge_sees[Axis::product(i)] = true;
      edge_planes = Axis::kPlanes;
      edge_products = Axis::kProducts;
    }
  }

  int edge_planes = 0, edge_products = 0;
};

// The tiles of all images, of which some are a group.
template <class S>
struct TileGrid {
  TileGrid(const ConvShape& s, int group)
      : rows(s.out_h()), columns(s.out_w()), all(s.n * rows.tiles() * columns.tiles()), group(group) {}

  int images() const { return all / (rows.tiles() * columns.tiles()); }
  // Calls f(image, row, first column, last column) for each row of tiles [first, last), counted in tiles.
  template <class F>
  void each_row(int first, int last, F&& f) const {
    const int wide = columns.tiles();
    for (int i = first, count; i < std::min(last, all); i += count) {
      count = std::min(wide - i % wide, std::min(last, all) - i);
      f(i / wide / rows.tiles(), i / wide % rows.tiles(), i % wide, i % wide + count);
    }
  }
  // Of all tiles.
  double planes() const { return static_cast<double>(rows.planes()) * columns.planes() * images(); }
  double products() const { return static_cast<double>(rows.products()) * columns.products() * images(); }

  TiledAxis<S> rows, columns;
  int all, group;
};

template <class S>
struct Tiles : TileGrid<S> {
  using Grid = TileGrid<S>;
  using Grid::all, Grid::group;
  // Of a tile, in both dimensions.
  static constexpr int kPlanes = S::kPlanes * S::kPlanes, kProducts = S::kProducts * S::kProducts;
  static constexpr int kKernels = S::kKernels * S::kKernels;

  // Kernels that are packed as they are, are transformed by parts.
  Tiles(const ConvShape& s, const WeightFormat& format, const std::vector<Panel>& panels, int threads,
        Packing packing)
      : Grid(s, 0),
        blocks(blocks_of(s.c)),
        pitch(format.pitch()),
        kernel_bytes(4.0 * format.floats(packed_weights(panels, kKernels)) /
                     (packing == Packing::kRows ? 2 : 1)) {
    if (packing == Packing::kTaps) set_parts(panels);
    double least = 0;
    Tiles best = *this;
    for (int runs = 1;; ++runs) {
      const bool last = runs * simd::kRows >= all;
      set_group(last ? all : runs * simd::kRows, static_cast<int>(panels.size()), threads);
      if (runs > 1 && 4 * v_size > kFarBytes) break;
      const double bytes = traffic(static_cast<int>(panels.size()), threads);
      if (runs == 1 || bytes < least) {
        least = bytes;
        best = *this;
      }
      if (last) break;
    }
    *this = best;
  }

  // Floats: one transformed input if threads share it, else one each, and products for each.
  std::int64_t common_size() const { return shared ? v_size : 0; }
  std::int64_t own_size() const {
    return v_size - common_size() + product_size() + u_kernel * (lazy() ? kKernels : 0);
  }
  std::int64_t scratch(int threads) const { return Scratch<float>::size(common_size(), own_size(), threads); }
  std::int64_t product_size() const { return m_panel * chunk; }
  bool lazy() const { return parts > 0; }

  int blocks;                 // of input channels
  int pitch;                  // of the transformed input, from one tile to the next
  double kernel_bytes;        // of the transformed kernels, as they are multiplied
  int parts = 0;              // of a panel's channels, whose kernels are transformed together
  std::int64_t u_kernel = 0;  // floats from one of these to the next
  int groups = 0;             // of tiles
  bool split = false;         // all threads work on the same group, each on some panels,
  bool shared = false;        // with the same transformed input
  bool far = false;  // transformed input comes from another core or from beyond the second-level cache
  int chunk = 0;     // panels multiplied before they are transformed back
  // Strides in floats: transformed input by channel block and plane, products by point and panel.
  std::int64_t v_block = 0, v_plane = 0, v_size = 0, m_block = 0, m_point = 0, m_panel = 0;

 private:
  void set_parts(const std::vector<Panel>& panels) {
    int most = 0;
    for (const Panel& panel : panels) most = std::max(most, panel.channel_blocks());
    parts = ceil_div(most * kBlock, kPartChannels);
    u_kernel = odd_lines(std::int64_t{ceil_div(most, parts)} * kBlock * simd::kPanelBlocks * kBlock);
  }

  void set_group(int most, int panels, int threads) {
    groups = ceil_div(all, most);
    split = groups < threads;
    if (!split) groups = ceil_div(groups, threads) * threads;
    group = ceil_div(all, std::min(groups, all));
    groups = ceil_div(all, group);
    v_block = std::int64_t{group} * pitch;
    m_block = std::int64_t{group} * kBlock;
    v_plane = odd_lines(v_block * blocks);
    v_size = v_plane * kPlanes;
    far = 4 * v_size > kCachedBytes;
    shared = split && (far || threads > kOwnInputs);
    far = far || shared;
    m_point = odd_lines(m_block * simd::kPanelBlocks);
    m_panel = m_point * kProducts;
    chunk = static_cast<int>(std::clamp<std::int64_t>(product_room(panels) / (4 * m_panel), 1, panels));
  }

  std::int64_t product_room(int panels) const {
    if (lazy()) return kLazyProductBytes;
    if (held()) return room_held();
    // Half transformed, panels share the transformed input row by row of points: each chunk reads all again.
    if (S::kScaled || !large_cache()) return kProductBytes;
    return stays(panels) ? 0 : kNearProductBytes;
  }
  static bool large_cache() { return second_level_bytes() > kCachedBytes; }

  // Whether transformed input stays in a large second-level cache, a panel's products beside it, while the
  // kernels pass through.
  bool stays(int panels) const {
    const double bytes = 4.0 * (v_size + m_panel) + kernel_bytes / panels;
    return large_cache() && !far && kernel_bytes > kCachedBytes && bytes <= 0.875 * second_level_bytes();
  }

  // Whether transformed input, kernels and a panel's products stay in the second-level cache,
  bool held() const { return room_held() >= 4 * m_panel; }
  // where they leave so much to products.
  std::int64_t room_held() const {
    const std::int64_t all = held_bytes();
    return all - 4 * v_size - static_cast<std::int64_t>(std::min(kernel_bytes, 1.0 * all));
  }

  // Bytes that pass through the second-level caches: kernels once a group and the transformed input once a
  // chunk of panels (for each thread that works on it), unless they stay there; and the costs of calling the
  // micro-kernel for few pixels, and of a panel's products in a plane.
  double traffic(int panels, int threads) const {
    const double input = 4.0 * v_size;
    // Transforming kernels takes about as long as if they came from beyond the cache.
    const double kernels = kernel_bytes * (lazy() ? 1 + 1.0 * kTaps / kKernels : 1.0);
    const int readers = split ? threads : 1;
    const double chunks = readers * ceil_div(panels, chunk * readers);
    const double runs = simd::runs_of(group);
    const double loads = kernel_bytes * groups * (0.1 * runs);
    const double calls = kCallBytes * groups * kPlanes * panels;
    const bool near = !far && (held() || stays(panels));
    // Where smaller groups would stay, what is transformed takes its way out, too.
    const double passes = near ? 0.0 : chunks + large_cache();
    return groups * ((kernels > kCachedBytes ? kernels : 0.0) + input * passes) + loads + calls;
  }
};

// One plane's products: where they are summed, by which of a panel's kernels, whether they are the first
// there.
struct Step {
  int plane, product, kernel;
  bool first;
};

template <class S>
using Steps = std::array<Step, Tiles<S>::kPlanes>;

// All of a scheme's, product by product.
template <class S>
constexpr Steps<S> steps_of() {
  Steps<S> steps{};
  int count = 0;
  for (int product = 0; product < Tiles<S>::kProducts; ++product) {
    bool first = true;
    for (int plane = 0; plane < Tiles<S>::kPlanes; ++plane) {
      const int i = plane / S::kPlanes, j = plane % S::kPlanes;
      if (S::product(i) * S::kProducts + S::product(j) != product) continue;
      steps[count++] = {plane, product, S::kernel(i) * S::kKernels + S::kernel(j), first};
      first = false;
    }
  }
  return steps;
}

// The same, kernel by kernel. A product's go in the same order, as it begins with a kernel of its own.
template <class S>
constexpr Steps<S> steps_by_kernel() {
  Steps<S> steps{};
  int count = 0;
  for (int kernel = 0; kernel < Tiles<S>::kKernels; ++kernel) {
    for (const Step& step : steps_of<S>()) {
      if (step.kernel == kernel) steps[count++] = step;
    }
  }
  return steps;
}

// First output pixel of a tile.
struct TilePlace {
  int image, row, column;
};

inline constexpr int kKinds = 4;  // of tiles

// The tiles of one group by their kind: whole (0), at the right edge (1), at the lower one (2), at both (3).
// A product, and the planes summed in it, have slots for the tiles that see it only, in this order.
template <class S>
class TileGroup {
  static constexpr int M = S::kOutputs;

 public:
  TileGroup(const TileGrid<S>& tiles, int group)
      : first(group * tiles.group), last(std::min(tiles.all, first + tiles.group)), t_(tiles) {
    for (int i = first; i < last; ++i) {
      const int in_image = i % (t_.rows.tiles() * t_.columns.tiles());
      const int row = in_image / t_.columns.tiles(), column = in_image % t_.columns.tiles();
      places_[2 * (row == t_.rows.whole) + (column == t_.columns.whole)].push_back(
          {i / (t_.rows.tiles() * t_.columns.tiles()), row * M, column * M});
    }
  }

  const int first, last;  // tiles

  const std::vector<TilePlace>& places(int kind) const { return places_[kind]; }
  // Outputs of a tile of this kind.
  int rows(int kind) const { return kind & 2 ? t_.rows.edge : M; }
  int columns(int kind) const { return kind & 1 ? t_.columns.edge : M; }

  // Tiles that see a product.
  int count(int product) const { return first_slot(kKinds, product); }
  // Where a kind's first slot is in each product, or plane; strides in floats.
  std::array<std::int64_t, Tiles<S>::kProducts> products(int kind, std::int64_t stride) const {
    std::array<std::int64_t, Tiles<S>::kProducts> all;
    for (int i = 0; i < Tiles<S>::kProducts; ++i) all[i] = i * stride + first_slot(kind, i) * kBlock;
    return all;
  }
  std::array<std::int64_t, Tiles<S>::kPlanes> planes(int kind, std::int64_t stride, int slot) const {
    std::array<std::int64_t, Tiles<S>::kPlanes> all;
    for (int i = 0; i < Tiles<S>::kPlanes; ++i) {
      const int product = S::product(i / S::kPlanes) * S::kProducts + S::product(i % S::kPlanes);
      all[i] = i * stride + first_slot(kind, product) * slot;
    }
    return all;
  }

 private:
  int first_slot(int kind, int product) const {
    int slot = 0;
    for (int before = 0; before < kind; ++before) {
      if (sees(before, product)) slot += static_cast<int>(places_[before].size());
    }
    return slot;
  }
  bool sees(int kind, int product) const {
    return (!(kind & 2) || t_.rows.edge_sees[product / S::kProducts]) &&
           (!(kind & 1) || t_.columns.edge_sees[product % S::kProducts]);
  }

  const TileGrid<S>& t_;
  std::array<std::vector<TilePlace>, kKinds> places_;
};

}  // namespace pydarknet::winograd
