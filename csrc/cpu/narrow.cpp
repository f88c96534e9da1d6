// Layers that move or compare bytes, or BF16.
#include "ops/cpu/narrow.h"

#include <algorithm>
#include <cstring>

#include "cpu/lib/windows.h"
#include "cpu/simd/vec.h"
#include "shared/reorg_rows.h"
#include "shared/threads.h"

namespace pydarknet {
namespace narrow {
namespace {

// Some lanes of a pixel as integers that are ordered as the numbers are.
template <class T>
struct Order;

template <>
struct Order<std::uint8_t> {
  using Keys = std::uint8_t __attribute__((vector_size(kByteBlock)));
  static constexpr std::uint8_t kLowest = 0;
  static Keys keys(Keys v) { return v; }
  static Keys numbers(Keys v) { return v; }
};

// BF16's bits with a sign are in the order of the numbers if those of negative ones are turned around. NaN is
// the lowest, as infinity below 0 is.
template <>
struct Order<std::uint16_t> {
  using Keys = std::int16_t __attribute__((vector_size(kBlock * sizeof(float))));
  static constexpr std::int16_t kSize = 0x7fff, kInfinity = 0x7f80;
  static constexpr std::int16_t kLowest = ~std::int16_t{0x7f7f};
  static Keys numbers(Keys v) { return v ^ ((v >> 15) & kSize); }
  static Keys keys(Keys v) {
    const Keys lowest = Keys{} + kLowest, ordered = numbers(v);
    return (v & kSize) > kInfinity || ordered < lowest ? lowest : ordered;
  }
};

template <class T>
class Pooling {
  using Keys = typename Order<T>::Keys;
  static constexpr int kLanes = kNarrowBlock<T>, kStep = sizeof(Keys) / sizeof(T);

 public:
  // The maximum of the columns of some rows.
  static void window(const T* from, std::int64_t row, int rows, T* to, int index, Span columns) {
    for (int lane = 0; lane < kLanes; lane += kStep) {
      Keys best = Keys{} + Order<T>::kLowest;
      for (int i = 0; i < rows; ++i) {
        for (int j = columns.begin; j < columns.end; ++j) {
          best = larger(best, load(from + i * row + std::int64_t{j} * kLanes + lane));
        }
      }
      store(to + std::int64_t{index} * kLanes + lane, best);
    }
  }

  // Windows of 2 x 2 that lie side by side, from their first column on.
  static void pairs(const T* from, std::int64_t row, T* to, int count) {
    for (int j = 0; j < count; ++j, from += kLanes) {
      for (int lane = 0; lane < kLanes; lane += kStep, from += kStep, to += kStep) {
        const Keys left = larger(load(from), load(from + row));
        const Keys right = larger(load(from + kLanes), load(from + row + kLanes));
        store(to, larger(left, right));
      }
    }
  }

 private:
  static Keys load(const T* from) {
    Keys v;
    std::memcpy(&v, from, sizeof v);
    return Order<T>::keys(v);
  }
  static void store(T* to, Keys v) {
    v = Order<T>::numbers(v);
    std::memcpy(to, &v, sizeof v);
  }
  static Keys larger(Keys a, Keys b) { return a > b ? a : b; }
};

}  // namespace
}  // namespace narrow

template <class T>
void narrow_maxpool(NarrowOf<const T> x, NarrowOf<T> y, const PoolWindows& windows) {
  constexpr int kLanes = kNarrowBlock<T>;
  const std::int64_t planes = std::int64_t{y.n} * y.blocks, row = std::int64_t{x.w} * kLanes;
  const bool pairs = windows.size == 2 && windows.stride_x == 2;
  parallel_for(planes * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i % planes, line = i / planes;
      const Span rows(static_cast<int>(line), windows.size, windows.stride_y, windows.padding, x.h);
      const T* from = x.data + plane * x.plane() + rows.begin * row;
      T* to = y.data + plane * y.plane() + line * y.w * kLanes;
      for (int j = 0; j < y.w; ++j) {
        const Span columns(j, windows.size, windows.stride_x, windows.padding, x.w);
        if (pairs && rows.count() == 2 && columns.count() == 2) {
          const int count = std::min(y.w - j, (x.w - 2 - columns.begin) / 2 + 1);
          narrow::Pooling<T>::pairs(from + std::int64_t{columns.begin} * kLanes, row,
                                    to + std::int64_t{j} * kLanes, count);
          j += count - 1;
        } else {
          narrow::Pooling<T>::window(from, row, rows.count(), to, j, columns);
        }
      }
    }
  });
}

template <class T>
void narrow_copy_channels(NarrowOf<const T> x, NarrowOf<T> y, int from, int to, int channels) {
  constexpr int kLanes = kNarrowBlock<T>;
  const bool aligned = from % kLanes == 0 && to % kLanes == 0;
  const int blocks = (channels + kLanes - 1) / kLanes, end = to + channels;
  parallel_for(std::int64_t{y.n} * blocks, 1, [&](std::int64_t begin, std::int64_t finish) {
    for (std::int64_t i = begin; i < finish; ++i) {
      const int image = static_cast<int>(i / blocks), first = static_cast<int>(i % blocks) * kLanes;
      const int count = std::min(kLanes, channels - first);
      if (aligned && count == kLanes) {
        std::memcpy(y.block(image, (to + first) / kLanes), x.block(image, (from + first) / kLanes),
                    static_cast<std::size_t>(x.plane()) * sizeof(T));
        continue;
      }
      for (int c = first; c < first + count; ++c) {
        const T* source = x.block(image, (from + c) / kLanes) + (from + c) % kLanes;
        T* target = y.block(image, (to + c) / kLanes) + (to + c) % kLanes;
        for (std::int64_t p = 0; p < x.plane(); p += kLanes) target[p] = source[p];
      }
      const int spare = first + count == channels ? -end & (kLanes - 1) : 0;
      if (!spare) continue;
      T* rest = y.block(image, end / kLanes) + end % kLanes;
      for (std::int64_t p = 0; p < x.plane(); p += kLanes) std::fill_n(rest + p, spare, T{0});
    }
  });
}

template <class T>
void narrow_reorg(NarrowOf<const T> x, NarrowOf<T> y, int channels, int stride) {
  constexpr int kLanes = kNarrowBlock<T>;
  const ReorgRows places(channels, x.h, stride);
  const std::int64_t step = std::int64_t{stride} * kLanes;
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const int row = static_cast<int>(r % y.h), block = static_cast<int>(r / y.h % y.blocks);
      const int image = static_cast<int>(r / y.h / y.blocks);
      T* to = y.block(image, block) + std::int64_t{row} * y.w * kLanes;
      for (int lane = 0; lane < kLanes; ++lane) {
        const int c = block * kLanes + lane;
        if (c >= channels * stride * stride) {
          for (int j = 0; j < y.w; ++j) to[j * kLanes + lane] = 0;
          continue;
        }
        const RowPlace place = places.in_large(c, row);
        const T* from = x.block(image, static_cast<int>(place.channel / kLanes)) +
                        (place.row * x.w + place.column) * kLanes + place.channel % kLanes;
        for (int j = 0; j < y.w; ++j) to[j * kLanes + lane] = from[j * step];
      }
    }
  });
}

template <class T>
void narrow_upsample(NarrowOf<const T> x, NarrowOf<T> y, int stride) {
  constexpr int kLanes = kNarrowBlock<T>;
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i / y.h, row = i % y.h;
      const T* from = x.data + plane * x.plane() + row / stride * x.w * kLanes;
      T* to = y.data + plane * y.plane() + row * y.w * kLanes;
      for (int j = 0; j < x.w; ++j, from += kLanes) {
        for (int k = 0; k < stride; ++k, to += kLanes) std::memcpy(to, from, kLanes * sizeof(T));
      }
    }
  });
}

#define PYDARKNET_NARROW(T)                                                          \
  template void narrow_maxpool(NarrowOf<const T>, NarrowOf<T>, const PoolWindows&);  \
  template void narrow_copy_channels(NarrowOf<const T>, NarrowOf<T>, int, int, int); \
  template void narrow_reorg(NarrowOf<const T>, NarrowOf<T>, int, int);              \
  template void narrow_upsample(NarrowOf<const T>, NarrowOf<T>, int);
PYDARKNET_NARROW(std::uint8_t)
PYDARKNET_NARROW(std::uint16_t)
#undef PYDARKNET_NARROW

}  // namespace pydarknet
