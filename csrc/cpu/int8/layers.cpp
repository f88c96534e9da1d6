// Layers that leave bytes bytes.
#include <algorithm>
#include <cstring>

#include "cpu/int8/kernel.h"
#include "cpu/lib/windows.h"
#include "shared/reorg_rows.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using Pixel = std::uint8_t __attribute__((vector_size(kByteBlock)));

Pixel load_pixel(const std::uint8_t* from) {
  Pixel v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
void store_pixel(std::uint8_t* to, Pixel v) { std::memcpy(to, &v, sizeof v); }
Pixel larger(Pixel a, Pixel b) { return a > b ? a : b; }

// The maximum of the columns of some rows; of whole windows of 2 x 2 by a loop of its own.
void pool_row(const std::uint8_t* from, std::int64_t row, int rows, std::uint8_t* to, int index,
              Span columns) {
  Pixel best{};
  for (int i = 0; i < rows; ++i) {
    for (int j = columns.begin; j < columns.end; ++j) {
      best = larger(best, load_pixel(from + i * row + std::int64_t{j} * kByteBlock));
    }
  }
  store_pixel(to + std::int64_t{index} * kByteBlock, best);
}

// Windows of 2 x 2 that lie side by side, from their first column on.
void pool_pairs(const std::uint8_t* from, std::int64_t row, std::uint8_t* to, int count) {
  for (int j = 0; j < count; ++j, from += 2 * kByteBlock, to += kByteBlock) {
    const Pixel left = larger(load_pixel(from), load_pixel(from + row));
    const Pixel right = larger(load_pixel(from + kByteBlock), load_pixel(from + row + kByteBlock));
    store_pixel(to, larger(left, right));
  }
}

}  // namespace

void int8_maxpool(ConstBytes x, Bytes y, const PoolWindows& windows) {
  const std::int64_t planes = std::int64_t{y.n} * y.blocks, row = std::int64_t{x.w} * kByteBlock;
  const bool pairs = windows.size == 2 && windows.stride_x == 2;
  parallel_for(planes * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i % planes, line = i / planes;
      const Span rows(static_cast<int>(line), windows.size, windows.stride_y, windows.padding, x.h);
      const std::uint8_t* from = x.data + plane * x.plane() + rows.begin * row;
      std::uint8_t* to = y.data + plane * y.plane() + line * y.w * kByteBlock;
      for (int j = 0; j < y.w; ++j) {
        const Span columns(j, windows.size, windows.stride_x, windows.padding, x.w);
        if (pairs && rows.count() == 2 && columns.count() == 2) {
          const int count = std::min(y.w - j, (x.w - 2 - columns.begin) / 2 + 1);
          pool_pairs(from + std::int64_t{columns.begin} * kByteBlock, row, to + std::int64_t{j} * kByteBlock,
                     count);
          j += count - 1;
        } else {
          pool_row(from, row, rows.count(), to, j, columns);
        }
      }
    }
  });
}

void int8_reorg(ConstBytes x, Bytes y, int channels, int stride) {
  const ReorgRows places(channels, x.h, stride);
  const std::int64_t step = std::int64_t{stride} * kByteBlock;
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const int row = static_cast<int>(r % y.h), block = static_cast<int>(r / y.h % y.blocks);
      const int image = static_cast<int>(r / y.h / y.blocks);
      std::uint8_t* to = y.block(image, block) + std::int64_t{row} * y.w * kByteBlock;
      for (int lane = 0; lane < kByteBlock; ++lane) {
        const int c = block * kByteBlock + lane;
        if (c >= channels * stride * stride) {
          for (int j = 0; j < y.w; ++j) to[j * kByteBlock + lane] = 0;
          continue;
        }
        const RowPlace place = places.in_large(c, row);
        const std::uint8_t* from = x.block(image, static_cast<int>(place.channel / kByteBlock)) +
                                   (place.row * x.w + place.column) * kByteBlock + place.channel % kByteBlock;
        for (int j = 0; j < y.w; ++j) to[j * kByteBlock + lane] = from[j * step];
      }
    }
  });
}

void int8_upsample(ConstBytes x, Bytes y, int stride) {
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t plane = i / y.h, row = i % y.h;
      const std::uint8_t* from = x.data + plane * x.plane() + row / stride * x.w * kByteBlock;
      std::uint8_t* to = y.data + plane * y.plane() + row * y.w * kByteBlock;
      for (int j = 0; j < x.w; ++j, from += kByteBlock) {
        for (int k = 0; k < stride; ++k, to += kByteBlock) std::memcpy(to, from, kByteBlock);
      }
    }
  });
}

void int8_add(const Int8Term& a, const Int8Term& b, Bytes y, int shift, int zero) {
  const int half = 1 << (shift - 1);
  parallel_for(std::int64_t{y.n} * y.blocks * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t row = std::int64_t{y.w} * kByteBlock;
    const std::uint8_t *first = a.x.data, *second = b.x.data;
    for (std::int64_t i = begin * row; i < end * row; ++i) {
      const int sum = (first[i] - a.zero) * a.factor + (second[i] - b.zero) * b.factor + half;
      y.data[i] = static_cast<std::uint8_t>(std::clamp((sum >> shift) + zero, 0, 255));
    }
  });
}

}  // namespace pydarknet
