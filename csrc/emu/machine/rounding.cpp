// The number formats of the tensor cores.
#include <cmath>

#include "emu/vocabulary/intrinsics.h"
#include "emu/vocabulary/matrix.h"

namespace pydarknet {
namespace {

std::uint16_t to_half(float x) {
  const std::uint32_t word = emu::bits<std::uint32_t>(x), sign = word >> 16 & 0x8000;
  const float size = std::fabs(x);
  if (std::isnan(x)) return 0x7fff;
  if (size >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);
  // In units of the last place; a carry out of the mantissa makes the exponent one more, as it should.
  if (size < 0x1p-14f)
    return static_cast<std::uint16_t>(sign | std::uint32_t(std::nearbyint(size * 0x1p24f)));
  const int exponent = std::ilogb(size);
  const auto units = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  return static_cast<std::uint16_t>(sign | (units - 1024 + (std::uint32_t(exponent + 15) << 10)));
}

float from_half(std::uint32_t half) {
  const std::uint32_t sign = (half & 0x8000) << 16, size = (half & 0x7fff) << 13;
  // The exponents differ by 112; multiplying serves numbers below the normal ones as well.
  const std::uint32_t word =
      size < 0x0f800000 ? emu::bits<std::uint32_t>(emu::bits<float>(size) * 0x1p112f) : size | 0x7f800000;
  return emu::bits<float>(sign | word);
}

std::uint16_t to_bfloat(float x) {
  const std::uint32_t word = emu::bits<std::uint32_t>(x);
  if (std::isnan(x)) return 0x7fff;
  return static_cast<std::uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

}  // namespace

std::uint32_t to_tf32(float x) {
  const std::uint32_t word = emu::bits<std::uint32_t>(x);
  if (!std::isfinite(x)) return word & 0xffffe000u;
  return (word + 0x1000) & 0xffffe000u;
}

std::uint32_t pack_half2(float lo, float hi) { return to_half(lo) | std::uint32_t{to_half(hi)} << 16; }
std::uint32_t pack_bf162(float lo, float hi) { return to_bfloat(lo) | std::uint32_t{to_bfloat(hi)} << 16; }
float2 unpack_half2(std::uint32_t pair) { return {from_half(pair & 0xffff), from_half(pair >> 16)}; }
float2 unpack_bf162(std::uint32_t pair) {
  return {emu::bits<float>(pair << 16), emu::bits<float>(pair & 0xffff0000u)};
}

}  // namespace pydarknet
