#include "ops/layout.h"

#include <algorithm>

#include "cpu/simd/transpose.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Pixels a thread takes at once: the rows of one piece (kBlock channels) stay in the first-level cache.
constexpr int kPiece = 16 * kBlock;

// One run of pixels of one channel block, in both layouts.
struct Piece {
  int image, block;
  std::int64_t first;  // pixel
  int pixels, lanes;
};

// Calls work(Piece) for all pieces of an array with `channels` channels.
template <class F>
void for_pieces(int images, int channels, std::int64_t pixels, F work) {
  const std::int64_t blocks = blocks_of(channels), pieces = (pixels + kPiece - 1) / kPiece;
  parallel_for(images * blocks * pieces, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int block = static_cast<int>(i / pieces % blocks);
      const std::int64_t first = i % pieces * kPiece;
      work(Piece{static_cast<int>(i / pieces / blocks), block, first,
                 static_cast<int>(std::min<std::int64_t>(kPiece, pixels - first)),
                 std::min(kBlock, channels - block * kBlock)});
    }
  });
}

}  // namespace

void to_blocked(ConstPlain x, Tensor y, Stream) {
  for_pieces(x.n, x.c, x.plane(), [&](const Piece& piece) {
    const float* from = x.channel(piece.image, piece.block * kBlock) + piece.first;
    float* to = y.block(piece.image, piece.block) + piece.first * kBlock;
    for (int p = 0; p < piece.pixels; p += kBlock, from += kBlock, to += kBlock * kBlock) {
      const int count = std::min(kBlock, piece.pixels - p);
      Lanes rows[kBlock] = {};
      if (count == kBlock) {
        for (int lane = 0; lane < piece.lanes; ++lane) rows[lane] = simd::load(from + lane * x.plane());
      } else {
        for (int lane = 0; lane < piece.lanes; ++lane) {
          rows[lane] = simd::load_first(from + lane * x.plane(), count);
        }
      }
      simd::transpose(rows);
      for (int i = 0; i < count; ++i) simd::store(to + i * kBlock, rows[i]);
    }
  });
}

void from_blocked(ConstTensor x, Plain y, Stream) {
  for_pieces(y.n, y.c, y.plane(), [&](const Piece& piece) {
    const float* from = x.block(piece.image, piece.block) + piece.first * kBlock;
    float* to = y.channel(piece.image, piece.block * kBlock) + piece.first;
    for (int p = 0; p < piece.pixels; p += kBlock, from += kBlock * kBlock, to += kBlock) {
      const int count = std::min(kBlock, piece.pixels - p);
      Lanes rows[kBlock] = {};
      for (int i = 0; i < count; ++i) rows[i] = simd::load(from + i * kBlock);
      simd::transpose(rows);
      if (count == kBlock) {
        for (int lane = 0; lane < piece.lanes; ++lane) simd::store(to + lane * y.plane(), rows[lane]);
      } else {
        for (int lane = 0; lane < piece.lanes; ++lane) {
          simd::store_first(to + lane * y.plane(), rows[lane], count);
        }
      }
    }
  });
}

}  // namespace pydarknet
