// Tensor-core operations of one warp: every lane calls, each holds its fragments as the PTX ISA lays them
// out.
#pragma once
#include <cstdint>

#include "emu/machine/site.h"
#include "emu/vocabulary/types.h"

namespace pydarknet {
namespace emu {

enum class Element { kTf32, kF16, kBf16 };
void multiply(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], Element element,
              const char* name, Site site);

}  // namespace emu

// Rounded to 10 bits of mantissa, ties away from zero.
std::uint32_t to_tf32(float x);
// Rounded to nearest, ties to even; `lo` in the lower half.
std::uint32_t pack_half2(float lo, float hi);
std::uint32_t pack_bf162(float lo, float hi);
float2 unpack_half2(std::uint32_t pair);
float2 unpack_bf162(std::uint32_t pair);

// d += a b: a 16x8 (tf32) or 16x16 (f16, bf16) by rows, b 8x8 or 16x8 by columns.
inline void mma_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     emu::Site site = emu::Site::here()) {
  emu::multiply(d, a, b, emu::Element::kTf32, "mma_tf32", site);
}
inline void mma_f16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                    emu::Site site = emu::Site::here()) {
  emu::multiply(d, a, b, emu::Element::kF16, "mma_f16", site);
}
inline void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     emu::Site site = emu::Site::here()) {
  emu::multiply(d, a, b, emu::Element::kBf16, "mma_bf16", site);
}

}  // namespace pydarknet
