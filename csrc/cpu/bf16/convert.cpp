// Between floats and BF16, and the sum of two layers in it.
#include "cpu/simd/halves.h"
#include "ops/cpu/bf16.h"
#include "shared/threads.h"

namespace pydarknet {
namespace bf16 {
namespace {

using simd::Lanes;

constexpr int kParts = kHalfBlock / kBlock;  // blocks of floats in one of BF16

// A row of a block: its image, its block and itself.
struct Row {
  int image, block, row;
};

template <class Do>
void each_row(int n, int blocks, int h, const Do& work) {
  parallel_for(std::int64_t{n} * blocks * h, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto image = static_cast<int>(i / h / blocks), block = static_cast<int>(i / h % blocks);
      work(Row{image, block, static_cast<int>(i % h)});
    }
  });
}

// All bits of the lanes of the first `channels`.
simd::Halves mask_of(int channels) {
  simd::Halves mask;
  for (int i = 0; i < kBlock; ++i) mask[i] = i < channels ? 0xffff : 0;
  return mask;
}

}  // namespace
}  // namespace bf16

void bf16_from_blocked(ConstTensor x, Bf16Tensor y, int channels) {
  bf16::each_row(y.n, y.blocks, y.h, [&](const bf16::Row& at) {
    const float* from[bf16::kParts];
    simd::Halves mask[bf16::kParts];
    for (int part = 0; part < bf16::kParts; ++part) {
      const int block = at.block * bf16::kParts + part, inside = block < x.blocks() ? block : 0;
      from[part] = x.block(at.image, inside) + std::int64_t{at.row} * x.w * kBlock;
      mask[part] = bf16::mask_of(channels - block * kBlock);
    }
    std::uint16_t* to = y.block(at.image, at.block) + std::int64_t{at.row} * y.w * kHalfBlock;
    for (int j = 0; j < y.w; ++j) {
      for (int part = 0; part < bf16::kParts; ++part, to += kBlock) {
        simd::store(to, simd::to_bf16(simd::load(from[part] + j * kBlock)) & mask[part]);
      }
    }
  });
}

void bf16_to_blocked(ConstBf16Tensor x, Tensor y) {
  bf16::each_row(y.n, y.blocks(), y.h, [&](const bf16::Row& at) {
    float* to = y.block(at.image, at.block) + std::int64_t{at.row} * y.w * kBlock;
    const std::uint16_t* from = x.block(at.image, at.block / bf16::kParts);
    from += std::int64_t{at.row} * x.w * kHalfBlock + at.block % bf16::kParts * kBlock;
    for (int j = 0; j < y.w; ++j) {
      simd::store(to + j * kBlock, simd::from_bf16(simd::load_halves(from + j * kHalfBlock)));
    }
  });
}

void bf16_add(ConstBf16Tensor a, ConstBf16Tensor b, Bf16Tensor y) {
  bf16::each_row(y.n, y.blocks, y.h, [&](const bf16::Row& at) {
    const std::int64_t width = std::int64_t{y.w} * kHalfBlock;
    const std::int64_t begin = at.image * y.image() + at.block * y.plane() + at.row * width;
    for (std::int64_t i = begin; i < begin + width; i += kBlock) {
      const bf16::Lanes first = simd::from_bf16(simd::load_halves(a.data + i));
      simd::store(y.data + i, simd::to_bf16(first + simd::from_bf16(simd::load_halves(b.data + i))));
    }
  });
}

}  // namespace pydarknet
