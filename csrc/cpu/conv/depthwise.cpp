// Depthwise convolution: each channel has its own kernel, so lanes never meet.
#include <algorithm>

#include "cpu/conv/algorithms.h"
#include "cpu/conv/cost.h"
#include "cpu/lib/activate.h"
#include "cpu/simd/vec.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

using simd::Lanes;

// Taps [begin, end) along one axis that fall inside the input.
struct Span {
  Span(int out, int stride, int pad, int kernel, int size)
      : start(out * stride - pad),
        begin(std::clamp(-start, 0, kernel)),
        end(std::clamp(size - start, begin, kernel)) {}
  int start, begin, end;
};

class Depthwise : public CpuConvolution {
 public:
  const char* name() const override { return "depthwise"; }
  bool supports(const ConvShape& s) const override { return s.groups > 1 && s.groups == s.c && s.k == s.c; }
  std::int64_t packed_size(const ConvShape& s) const override {
    return std::int64_t{blocks_of(s.c)} * s.taps() * kBlock;
  }
  std::int64_t scratch(const ConvShape&, int) const override { return 0; }

  // [block][tap][lane]
  void pack_kernels(const ConvShape& s, const Kernels& kernels, float* packed) const override {
    for (int c = 0; c < blocks_of(s.c) * kBlock; ++c) {
      float* const to = packed + std::int64_t{c / kBlock} * s.taps() * kBlock + c % kBlock;
      kernels.each_tap(c, c, [&](int tap, float weight) { to[tap * kBlock] = weight; });
    }
  }

  double cost(const ConvShape& s, int threads) const override {
    CostModel model(threads);
    model.vectors(static_cast<double>(s.n) * blocks_of(s.c) * s.taps() * s.out_h() * s.out_w());
    return model.seconds();
  }

  void forward(const ConvCall& call, const float* x, Tensor y, Stream) const override {
    const ConvShape& s = call.shape;
    const int blocks = blocks_of(s.c);
    const ActivateFloats finish = activation_after(call.activation, call.shape.precision);
    const ConstTensor input{x, s.n, blocks * kBlock, s.h, s.w};
    parallel_for(std::int64_t{s.n} * blocks * y.h, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const int row = static_cast<int>(i % y.h), block = static_cast<int>(i / y.h % blocks);
        const int image = static_cast<int>(i / y.h / blocks);
        float* const to = y.block(image, block) + std::int64_t{row} * y.w * kBlock;
        forward_row(call, input.block(image, block), block, row, to, y.w);
        if (finish) finish(to, std::int64_t{y.w} * kBlock);
      }
    });
  }

 private:
  static void forward_row(const ConvCall& call, const float* plane, int block, int row, float* y,
                          int columns) {
    const ConvShape& s = call.shape;
    float bias[kBlock] = {};
    for (int i = 0; call.bias && i < std::min(kBlock, s.k - block * kBlock); ++i) {
      bias[i] = call.bias[block * kBlock + i];
    }
    const float* weights = call.packed + std::int64_t{block} * s.taps() * kBlock;
    const float slope = rectifier_slope(call.activation);
    const Span rows(row, s.stride_y, s.pad_y, s.kernel_h, s.h);
    for (int column = 0; column < columns; ++column, y += kBlock) {
      const Span taps(column, s.stride_x, s.pad_x, s.kernel_w, s.w);
      Lanes sum = simd::load(bias);
      for (int ky = rows.begin; ky < rows.end; ++ky) {
        const float* from = plane + (std::int64_t{rows.start + ky} * s.w + taps.start) * kBlock;
        const float* w = weights + ky * s.kernel_w * kBlock;
        for (int kx = taps.begin; kx < taps.end; ++kx) {
          sum += simd::load(from + kx * kBlock) * simd::load(w + kx * kBlock);
        }
      }
      simd::store(y, simd::rectify(sum, slope));
    }
  }
};

}  // namespace

const CpuConvolution& depthwise_convolution() {
  static const Depthwise algorithm;
  return algorithm;
}

}  // namespace pydarknet
