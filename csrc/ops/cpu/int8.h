// Inference in 8 bits, on the CPU alone. A value is scale * (q - zero), q a byte of an array with one scale
// and zero; weights are scale[k] * q, q from -127 to 127. Sums are exact, and what follows them is defined
// operation by operation, so every body and instruction set gives the same bits.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/conv.h"
#include "ops/cpu/narrow.h"
#include "ops/pool.h"
#include "ops/tensor.h"

namespace pydarknet {

// Channels of an image, whose few are one block.
inline constexpr int kImageBlock = 4;

// lanes is kByteBlock, or kImageBlock for an image.
using Bytes = NarrowOf<std::uint8_t>;
using ConstBytes = NarrowOf<const std::uint8_t>;

// What becomes of the sum s of filter k: f = float(s + start[k]) * scale[k], then f * slope if that is
// larger. Into bytes: f clamped to [-zero, 255 - zero], rounded to the nearest integer (ties to even), plus
// zero.
struct Requantisation {
  const std::int32_t* start;
  const float* scale;
  float slope;  // from 0 to 1
  int zero;     // of y; not used for floats
};

struct Int8ConvCall {
  ConvShape shape;
  int zero;  // of x, and so what lies around it
  const std::uint8_t* packed;
  Requantisation requantisation;
  std::uint8_t* workspace;
  std::int64_t workspace_bytes;
  bool pooled = false;  // y has the maximum of each window of 2 x 2 outputs, of which there are whole ones
};

// One way to multiply bytes. Packed weights depend on nothing that resizing a network changes.
class Int8Convolution {
 public:
  virtual ~Int8Convolution() = default;
  virtual const char* name() const = 0;
  // Whether this machine has the instructions.
  virtual bool runs() const = 0;
  // Whether it knows calls that pool; into bytes, that is.
  virtual bool pools(const ConvShape& shape, int lanes) const = 0;
  virtual std::int64_t packed_bytes(const ConvShape& shape, int lanes) const = 0;
  // weights (k, c, kernel_h, kernel_w).
  virtual void pack(const ConvShape& shape, int lanes, const std::int8_t* weights,
                    std::uint8_t* packed) const = 0;
  // What one of the sums is in products of weights and bytes, for each filter: 1 in a direct sum. By tiles
  // x's zero is taken off, and more than half of a unit may be lost.
  virtual void units(const ConvShape& shape, const std::uint8_t* packed, float* to) const = 0;
  virtual std::int64_t workspace(const ConvShape& shape, int lanes, int threads) const = 0;
  // Lanes of y at and above k become some byte, or some finite float.
  virtual void forward(const Int8ConvCall& call, ConstBytes x, Bytes y) const = 0;
  virtual void forward(const Int8ConvCall& call, ConstBytes x, Tensor y) const = 0;
};

// Those that this machine runs, the fastest first; direct ones, or by tiles.
std::vector<const Int8Convolution*> int8_convolutions(bool tiles);

// Whether the sums of a convolution fit 32 bits, and it has one group.
bool int8_supports(const ConvShape& shape);
// Whether it can be computed by tiles: F(2x2, 3x3), whose factors are rounded to 8 bits once more.
bool int8_tiles(const ConvShape& shape);

// y = x * per_unit clamped, rounded and moved by `zero` as in a Requantisation. NaN becomes 0.
void int8_quantize(ConstTensor x, Bytes y, float per_unit, int zero);
// The same for an image of up to kImageBlock channels; lanes past them become `zero`.
void int8_quantize_image(ConstPlain x, Bytes y, float per_unit, int zero);
// y = float(x - zero) * scale.
void int8_dequantize(ConstBytes x, Tensor y, float scale, int zero);

// Channels [from, from + channels) of x become those from `to` on of y: float(x - zero_x) * ratio, clamped,
// rounded and moved by zero_y. The other lanes of the last of their blocks become some byte.
void int8_copy_channels(ConstBytes x, Bytes y, int from, int to, int channels, float ratio, int zero_x,
                        int zero_y);

// One term of a sum: its array, its zero, and its factor.
struct Int8Term {
  ConstBytes x;
  int zero, factor;
};
// y = ((a - zero) * factor + (b - zero) * factor + 2^(shift-1)) >> shift, plus `zero`, clamped to a byte.
void int8_add(const Int8Term& a, const Int8Term& b, Bytes y, int shift, int zero);

}  // namespace pydarknet
