// The gradient with respect to the weights: for each tap, channel and filter a sum over pixels. Weights are
// cut into tiles whose sums stay in the second-level cache as [channel][tap][filter], while the pixels pass
// in bands that stay in the first-level cache for all taps and channels.
#include <algorithm>

#include "cpu/wgrad/matrices.h"
#include "cpu/wgrad/sources.h"
#include "cpu/wgrad/winograd.h"
#include "ops/conv_backward.h"

namespace pydarknet {
namespace {

using namespace weight_gradient;

// Sums of one tile over bands [begin, end).
template <class Source>
void sum_bands(const Plan& plan, const Source& source, const Tile& tile, std::int64_t begin, std::int64_t end,
               float* sums, float* copy) {
  std::fill_n(sums, std::int64_t{tile.channels} * source.taps() * tile.filters(), 0.0f);
  const int runs = ceil_div(tile.filter_blocks, simd::kWgradVectors);
  WgradOperands p{};
  p.sums_vector = kBlock;
  for (std::int64_t i = begin; i < end; ++i) {
    const Band band = band_at(plan, i);
    const View view = source.prepare(band, tile, p, copy);
    for (int run = 0; run < runs; ++run) {
      const int block = part(tile.filter_blocks, run, runs);
      p.sums = sums + block * kBlock;
      source.band(band, view, tile, p, block, part(tile.filter_blocks, run + 1, runs) - block);
    }
  }
}

template <class Source>
void sum_all(const Plan& plan, const Source& source, const Adder& adder, float* workspace) {
  const std::int64_t slot = plan.tile_floats, tasks = plan.tasks();
  Tasks shared(tasks, plan.workers);
  parallel_parts(plan.workers, [&](int thread, int) {
    float* const copy = workspace + slot * plan.slots + plan.copy * thread;
    for (std::int64_t task; (task = shared.take(thread)) >= 0;) {
      const Tile& tile = plan.tiles[task / plan.splits];
      const int split = static_cast<int>(task % plan.splits);
      float* const sums = workspace + slot * (plan.splits > 1 ? task : thread);
      sum_bands(plan, source, tile, part_begin(plan.bands, split, plan.splits),
                part_begin(plan.bands, split + 1, plan.splits), sums, copy);
      if (plan.splits == 1) adder.add(tile, sums);
    }
  });
  if (plan.splits == 1) return;
  // Parts are added up before the gradient is: it grows once in a call, so that a sum over calls can be
  // shared.
  parallel_for(static_cast<std::int64_t>(plan.tiles.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const Tile& at = plan.tiles[tile];
      const std::int64_t floats = std::int64_t{at.channels} * source.taps() * at.filters();
      float* const sums = workspace + slot * tile * plan.splits;
      for (int split = 1; split < plan.splits; ++split) {
        const float* const more = sums + slot * split;
        for (std::int64_t i = 0; i < floats; ++i) sums[i] += more[i];
      }
      adder.add(at, sums);
    }
  });
}

// The plan for as many threads as the workspace has room for.
Plan fitting_plan(const ConvShape& s, bool plain, std::int64_t floats) {
  int threads = num_threads();
  while (threads > 1 && Plan(s, plain, threads).workspace() > floats) --threads;
  return Plan(s, plain, threads);
}

ConstTensor blocked(const ConvShape& s, const float* x) {
  return {x, s.n, blocks_of(s.c) * kBlock, s.h, s.w};
}

bool connected(const ConvShape& s) {
  return s.groups == 1 && s.kernel_h == s.h && s.kernel_w == s.w && s.pad_y == 0 && s.pad_x == 0;
}

// One pixel of output: dweights[k] += sum over images of dy[k] * x, with vectors along the input's values in
// the order of the weights. The weights are read and written once.
class ConnectedGradient {
 public:
  ConnectedGradient(const ConvShape& s, ConstTensor dy, float* dweights)
      : s_(s), dy_(dy), dweights_(dweights), values_(std::int64_t{s.c} * s.taps()) {}

  void flatten(ConstTensor x, float* flat) const {
    for (int image = 0; image < s_.n; ++image) {
      for (int c = 0; c < s_.c; ++c) {
        const float* from = x.block(image, c / kBlock) + c % kBlock;
        for (int i = 0; i < s_.taps(); ++i) *flat++ = from[i * kBlock];
      }
    }
  }

  // Filters [first, last) of one block.
  void add(const float* flat, int first, int last) const {
    WgradOperands p{};
    p.x = dy_.block(0, first / kBlock) + first % kBlock;
    p.x_column = dy_.image();
    p.y_column = values_;
    p.y_vector = p.sums_vector = kBlock;
    p.rows = 1;
    p.columns = s_.n;
    p.sums_value = values_;
    std::int64_t done = 0;
    for (int vectors = simd::kWgradVectors; vectors > 0; --vectors) {
      for (; done + vectors * kBlock <= values_; done += vectors * kBlock) {
        p.y = flat + done;
        p.sums = dweights_ + first * values_ + done;
        wgrad_lanes(simd::wgrad_kernels<simd::Fp32>(), p, last - first, vectors);
      }
    }
    for (int k = first; k < last; ++k) add_rest(flat, k, done);
  }

 private:
  void add_rest(const float* flat, int k, std::int64_t from) const {
    for (std::int64_t i = from; i < values_; ++i) {
      float sum = 0;
      for (int image = 0; image < s_.n; ++image) {
        sum += dy_.block(image, k / kBlock)[k % kBlock] * flat[image * values_ + i];
      }
      dweights_[k * values_ + i] += sum;
    }
  }

  const ConvShape& s_;
  const ConstTensor dy_;
  float* const dweights_;
  const std::int64_t values_;
};

void connected_gradient(const ConvShape& s, ConstTensor x, ConstTensor dy, float* dweights, float* flat) {
  const ConnectedGradient gradient(s, dy, dweights);
  gradient.flatten(x, flat);
  const int groups = ceil_div(s.k, simd::wgrad_values(simd::kWgradVectors));
  parallel_for(groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const int first = static_cast<int>(i) * simd::wgrad_values(simd::kWgradVectors);
      gradient.add(flat, first, std::min(s.k, first + simd::wgrad_values(simd::kWgradVectors)));
    }
  });
}

// The kernel is the whole input.
class Connected : public ConvWgrad {
 public:
  explicit Connected(const ConvShape& s) : s_(s) {}
  std::int64_t workspace(int) const override { return std::int64_t{s_.n} * s_.c * s_.taps(); }
  void run(const WgradCall& call, Stream) const override {
    connected_gradient(s_, blocked(s_, call.x), call.dy, call.dweights, call.workspace);
  }

 private:
  const ConvShape s_;
};

// By a function that takes the whole of it, with a workspace of its own.
template <auto kWorkspace, auto kGradient>
class Whole : public ConvWgrad {
 public:
  explicit Whole(const ConvShape& s) : s_(s) {}
  std::int64_t workspace(int threads) const override { return kWorkspace(s_, threads); }
  void run(const WgradCall& call, Stream) const override {
    kGradient(s_, blocked(s_, call.x), call.dy, call.dweights, call.workspace, call.workspace_floats);
  }

 private:
  const ConvShape s_;
};
using Winograd = Whole<&winograd_gradient_workspace, &winograd_gradient>;
using ByMatrices = Whole<&matrix_gradient_workspace, &matrix_gradient>;

class Direct : public ConvWgrad {
 public:
  Direct(const ConvShape& s, bool plain) : s_(s), plain_(plain) {}
  std::int64_t workspace(int threads) const override { return Plan(s_, plain_, threads).workspace(); }
  void run(const WgradCall& call, Stream) const override {
    const Plan plan = fitting_plan(s_, plain_, call.workspace_floats);
    if (plain_) {
      const PlainSource source(s_, {call.x, s_.n, s_.c, s_.h, s_.w}, call.dy, plan);
      sum_all(plan, source, Adder(s_.k, s_.c * s_.taps(), 1, 1, call.dweights), call.workspace);
    } else {
      const Adder adder(s_.k, s_.c, s_.taps(), s_.groups, call.dweights);
      sum_all(plan, BlockedSource(s_, blocked(s_, call.x), call.dy, plan), adder, call.workspace);
    }
  }

 private:
  const ConvShape s_;
  const bool plain_;
};

}  // namespace

std::unique_ptr<const ConvWgrad> conv_wgrad(const ConvShape& s, bool plain) {
  if (!plain && connected(s)) return std::make_unique<Connected>(s);
  if (!plain && matrix_gradient_pays(s)) return std::make_unique<ByMatrices>(s);
  if (!plain && winograd_gradient_pays(s)) return std::make_unique<Winograd>(s);
  return std::make_unique<Direct>(s, plain);
}

}  // namespace pydarknet
