// mma, from the fragment layouts of the PTX ISA. With g = lane / 4 and t = lane % 4:
//   A: register 0 holds row g, 1 row g + 8, then the same rows in the second half of the columns;
//   B: registers run down the rows, column g;   C, D: row g (0, 1) and g + 8 (2, 3), columns 2t and 2t + 1.
// A register holds one tf32 of column (or row, in B) t, or two 16-bit numbers of 2t and 2t + 1.
#include "emu/vocabulary/matrix.h"

#include <cstring>
#include <string>

#include "emu/machine/scheduler.h"
#include "emu/machine/shared_arena.h"
#include "emu/machine/watch.h"
#include "emu/vocabulary/intrinsics.h"

namespace pydarknet::emu {
namespace {

using Lanes = WarpCall* const (&)[kWarp];

// The numbers in one register: one for tf32, of which the hardware reads 19 bits, else two.
void spread(std::uint32_t word, Element element, float* to) {
  if (element == Element::kTf32) {
    *to = bits<float>(word & 0xffffe000u);
    return;
  }
  const float2 pair = element == Element::kF16 ? unpack_half2(word) : unpack_bf162(word);
  to[0] = pair.x;
  to[1] = pair.y;
}

template <Element kElement>
void finish_multiply(Lanes lanes, unsigned) {
  constexpr int kPerWord = kElement == Element::kTf32 ? 1 : 2, kDepth = 8 * kPerWord;
  float a[16][kDepth], b[8][kDepth];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, k = lane % 4 * kPerWord;
    const auto* from_a = static_cast<const std::uint32_t*>(lanes[lane]->from[0]);
    const auto* from_b = static_cast<const std::uint32_t*>(lanes[lane]->from[1]);
    for (int half = 0; half < 2; ++half) {
      spread(from_a[2 * half], kElement, &a[g][k + half * kDepth / 2]);
      spread(from_a[2 * half + 1], kElement, &a[g + 8][k + half * kDepth / 2]);
      spread(from_b[half], kElement, &b[g][k + half * kDepth / 2]);
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    auto* d = static_cast<float*>(lanes[lane]->to);
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      float sum = 0;
      for (int k = 0; k < kDepth; ++k) sum += a[row][k] * b[column][k];
      d[i] += sum;
    }
  }
}

}  // namespace

void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Element element,
              const char* name, Site site) {
  constexpr Finish kFinish[] = {&finish_multiply<Element::kTf32>, &finish_multiply<Element::kF16>,
                                &finish_multiply<Element::kBf16>};
  WarpCall call{name, kFinish[static_cast<int>(element)], 0xffffffffu, site};
  call.from[0] = a;
  call.from[1] = b;
  call.to = d;
  warp_call(call);
}

}  // namespace pydarknet::emu
