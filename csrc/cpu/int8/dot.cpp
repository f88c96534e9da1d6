#include "cpu/int8/dot.h"

#include "cpu/int8/conv.h"
#include "cpu/int8/tiles.h"

namespace pydarknet::int8 {

#if defined(__AVX2__)
const Int8Convolution* dot_convolution() {
  static const Convolution<Dot> convolution;
  return &convolution;
}
const Int8Convolution* dot_tiles() {
  static const TiledConvolution<Dot> convolution;
  return &convolution;
}
#else
const Int8Convolution* dot_convolution() { return nullptr; }
const Int8Convolution* dot_tiles() { return nullptr; }
#endif

}  // namespace pydarknet::int8
