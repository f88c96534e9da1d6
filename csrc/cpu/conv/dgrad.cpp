// The gradient with respect to the input, as forward convolutions of dy with transposed weights.
#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "cpu/conv/algorithms.h"
#include "cpu/lib/sizes.h"
#include "cpu/simd/vec.h"
#include "ops/conv_backward.h"
#include "shared/conv_phases.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

// Every array in the workspace begins at a cache line.
std::int64_t blocked_floats(int n, int c, int h, int w) {
  return whole_lines(std::int64_t{n} * blocks_of(c) * h * w * kBlock);
}

void convolve(const CpuConvolution& algorithm, const ConvShape& shape, const float* packed, const float* x,
              Tensor y, float* workspace, std::int64_t floats) {
  conv_forward(algorithm, {shape, packed, nullptr, Activation::kLinear, workspace, floats}, x, y, {});
}

void add(const float* from, float* to, std::int64_t count) {
  parallel_for(count, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] += from[i];
  });
}

// One forward convolution whose output is dx as it lies in memory.
class OneConvolution : public ConvDgrad {
 public:
  OneConvolution(const ConvShape& shape, const ConvShape& inner, const CpuConvolution& algorithm)
      : s_(shape), inner_(inner), algorithm_(algorithm) {}

  std::int64_t packed_size() const override { return algorithm_.packed_size(inner_); }
  std::int64_t workspace(bool accumulate, int threads) const override {
    return (accumulate ? sum_floats() : 0) + algorithm_.workspace(inner_, threads);
  }
  void run(const DgradCall& call, Stream) const override {
    const std::int64_t sum = call.accumulate ? sum_floats() : 0;
    const Tensor y{call.accumulate ? call.workspace : call.dx.data, inner_.n, blocks_of(inner_.k) * kBlock,
                   inner_.out_h(), inner_.out_w()};
    convolve(algorithm_, inner_, call.packed, call.dy.data, y, call.workspace + sum,
             call.workspace_floats - sum);
    if (call.accumulate) add(y.data, call.dx.data, call.dx.size());
  }

 protected:
  const ConvShape s_, inner_;
  const CpuConvolution& algorithm_;

 private:
  std::int64_t sum_floats() const { return blocked_floats(s_.n, s_.c, s_.h, s_.w); }
};

class Turned : public OneConvolution {
 public:
  static bool supports(const ConvShape& s) {
    return s.stride_y == 1 && s.stride_x == 1 && s.pad_y < s.kernel_h && s.pad_x < s.kernel_w;
  }
  static ConvShape inner(const ConvShape& s) {
    const ConvShape shape{s.n,
                          s.k,
                          s.out_h(),
                          s.out_w(),
                          s.c,
                          s.kernel_h,
                          s.kernel_w,
                          1,
                          1,
                          s.kernel_h - 1 - s.pad_y,
                          s.kernel_w - 1 - s.pad_x,
                          s.groups,
                          s.precision};
    shape.validate();
    return shape;
  }
  Turned(const ConvShape& s, const std::string& algorithm)
      : OneConvolution(s, inner(s), static_cast<const CpuConvolution&>(conv_algorithm(inner(s), algorithm))) {
  }

  void pack(const float* weights, float* packed, Stream) const override {
    const PhaseAxis y(0, 1, s_.pad_y, s_.kernel_h, s_.h), x(0, 1, s_.pad_x, s_.kernel_w, s_.w);
    algorithm_.pack_kernels(inner_, Kernels(s_, y, x, weights), packed);
  }
};

// A value of the input is a filter of a 1x1 convolution, in the order (channel block, row, column, lane).
class Connected : public OneConvolution {
 public:
  static bool supports(const ConvShape& s) {
    return s.groups == 1 && s.taps() > 1 && s.kernel_h == s.h && s.kernel_w == s.w && s.pad_y == 0 &&
           s.pad_x == 0;
  }
  static ConvShape inner(const ConvShape& s) {
    const std::int64_t values = std::int64_t{blocks_of(s.c)} * kBlock * s.taps();
    if (values > 1 << 30) throw std::invalid_argument(s.text() + ": too large");
    return {s.n, s.k, 1, 1, static_cast<int>(values), 1, 1, 1, 1, 0, 0, 1};
  }
  explicit Connected(const ConvShape& s) : OneConvolution(s, inner(s), direct_convolution()) {}

  void pack(const float* weights, float* packed, Stream) const override {
    algorithm_.pack(inner_, inner_weights(weights).get(), packed, {});
  }

 private:
  std::unique_ptr<float[]> inner_weights(const float* weights) const {
    const std::int64_t taps = s_.taps(), row = s_.c * taps;
    const std::int64_t size = blocks_of(s_.c) * kBlock * taps * s_.k;
    std::unique_ptr<float[]> all(new float[static_cast<std::size_t>(size)]);
    if (s_.c % kBlock != 0) std::fill_n(all.get(), size, 0.0f);
    // In squares of whole lines: several lines of a filter's weights, one line of filters.
    constexpr std::int64_t kValues = 4 * kLine;
    parallel_for(row, kValues, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin; first < end; first += kValues) {
        const int count = static_cast<int>(std::min(kValues, end - first));
        float* to[kValues];
        for (int i = 0; i < count; ++i) {
          const std::int64_t c = (first + i) / taps, tap = (first + i) % taps;
          to[i] = all.get() + ((c / kBlock * taps + tap) * kBlock + c % kBlock) * s_.k;
        }
        for (std::int64_t k = 0; k < s_.k; k += kLine) {
          const std::int64_t last = std::min<std::int64_t>(s_.k, k + kLine);
          for (int i = 0; i < count; ++i) {
            for (std::int64_t j = k; j < last; ++j) to[i][j] = weights[j * row + first + i];
          }
        }
      }
    });
    return all;
  }
};

class Phases : public ConvDgrad {
 public:
  explicit Phases(const ConvShape& s) : s_(s) {
    for (int y = 0; y < std::min(s.stride_y, s.kernel_h); ++y) {
      for (int x = 0; x < std::min(s.stride_x, s.kernel_w); ++x) {
        phases_.push_back({PhaseAxis(y, s.stride_y, s.pad_y, s.kernel_h, s.h),
                           PhaseAxis(x, s.stride_x, s.pad_x, s.kernel_w, s.w), packed_});
        packed_ += algorithm().packed_size(phases_.back().convolution(s));
      }
    }
  }
  std::int64_t packed_size() const override { return packed_; }

  void pack(const float* weights, float* packed, Stream) const override {
    for (const Phase& p : phases_) {
      algorithm().pack_kernels(p.convolution(s_), Kernels(s_, p.y, p.x, weights), packed + p.offset);
    }
  }

  std::int64_t workspace(bool, int threads) const override {
    std::int64_t most = 0;
    for (const Phase& p : phases_) {
      if (p.empty()) continue;
      const ConvShape inner = p.convolution(s_);
      most = std::max(most, window_floats(p) + result_floats(p) + algorithm().workspace(inner, threads));
    }
    return most;
  }

  void run(const DgradCall& call, Stream) const override {
    const bool gaps = s_.stride_y > s_.kernel_h || s_.stride_x > s_.kernel_w;
    if (gaps && !call.accumulate) std::fill_n(call.dx.data, call.dx.size(), 0.0f);
    for (const Phase& p : phases_) {
      if (p.empty()) continue;
      float* const result = call.workspace + window_floats(p);
      const std::int64_t used = window_floats(p) + result_floats(p);
      copy_window(p, call.dy, call.workspace);
      convolve(algorithm(), p.convolution(s_), call.packed + p.offset, call.workspace,
               {result, s_.n, call.dx.c, p.y.count, p.x.count}, call.workspace + used,
               call.workspace_floats - used);
      scatter(p, result, call.dx, call.accumulate);
    }
  }

 private:
  struct Phase {
    PhaseAxis y, x;
    std::int64_t offset;  // of its packed weights
    bool empty() const { return y.count == 0 || x.count == 0; }
    ConvShape convolution(const ConvShape& s) const {
      return {s.n, s.k, y.window(), x.window(), s.c, y.taps, x.taps, 1, 1, 0, 0, s.groups, s.precision};
    }
  };

  const CpuConvolution& algorithm() const {
    return depthwise_convolution().supports(s_) ? depthwise_convolution() : direct_convolution(s_.precision);
  }
  std::int64_t window_floats(const Phase& p) const {
    return blocked_floats(s_.n, s_.k, p.y.window(), p.x.window());
  }
  std::int64_t result_floats(const Phase& p) const {
    return blocked_floats(s_.n, s_.c, p.y.count, p.x.count);
  }

  void copy_window(const Phase& p, ConstTensor dy, float* window) const {
    const int rows = p.y.window(), columns = p.x.window(), top = p.y.window_begin(),
              left = p.x.window_begin();
    const int begin = std::clamp(-left, 0, columns), end = std::clamp(dy.w - left, begin, columns);
    parallel_for(std::int64_t{dy.n} * dy.blocks() * rows, 16, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t y = top + i % rows;
        float* to = window + i * columns * kBlock;
        const bool inside = y >= 0 && y < dy.h && begin < end;
        const int left_zeros = inside ? begin : columns, right_zeros = inside ? columns - end : 0;
        std::memset(to, 0, sizeof(float) * kBlock * left_zeros);
        std::memset(to + (columns - right_zeros) * kBlock, 0, sizeof(float) * kBlock * right_zeros);
        if (!inside) continue;
        std::memcpy(to + begin * kBlock, dy.data + i / rows * dy.plane() + (y * dy.w + left + begin) * kBlock,
                    sizeof(float) * kBlock * (end - begin));
      }
    });
  }

  // Puts the phase's pixels where they belong in dx.
  static void scatter(const Phase& p, const float* result, Tensor dx, bool accumulate) {
    const int rows = p.y.count, columns = p.x.count;
    const std::int64_t step = std::int64_t{p.x.stride} * kBlock;
    parallel_for(std::int64_t{dx.n} * dx.blocks() * rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t y = p.y.first + i % rows * p.y.stride;
        float* to = dx.data + i / rows * dx.plane() + (y * dx.w + p.x.first) * kBlock;
        for (int x = 0; x < columns; ++x, to += step) {
          const simd::Lanes value = simd::load(result + (i * columns + x) * kBlock);
          simd::store(to, accumulate ? simd::load(to) + value : value);
        }
      }
    });
  }

  const ConvShape s_;
  std::vector<Phase> phases_;
  std::int64_t packed_ = 0;
};

}  // namespace

std::unique_ptr<const ConvDgrad> conv_dgrad(const ConvShape& s, const std::string& name) {
  if (name == "connected" && Connected::supports(s)) return std::make_unique<Connected>(s);
  if (name == "phases") return std::make_unique<Phases>(s);
  if (name != "connected" && Turned::supports(s)) return std::make_unique<Turned>(s, name);
  throw std::invalid_argument("algorithm '" + name + "' can't do the gradient of " + s.text());
}

std::vector<std::string> conv_dgrad_algorithms(const ConvShape& s, std::int64_t max_packed_bytes) {
  if (Connected::supports(s)) return {"connected"};
  if (!Turned::supports(s)) return {"phases"};
  const ConvShape inner = Turned::inner(s);
  std::vector<std::string> names = conv_algorithms(inner, max_packed_bytes, false, 1);
  // What is coarser than the shape's precision comes last.
  const auto coarse = [&](Precision p) { return p != Precision::kFp32 && p != s.precision; };
  while (coarse(conv_algorithm(inner, names.back()).precision())) names.pop_back();
  return names;
}

}  // namespace pydarknet
