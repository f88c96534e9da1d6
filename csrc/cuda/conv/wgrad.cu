#include "cuda/conv/wgrad.h"
#include "device.h"
#include "ops/conv_backward.h"

namespace pydarknet {
namespace {

__global__ void add_weight_parts(const WgradArguments call) {
  const int filters = call.problem.bundles.filters(), columns = call.problem.rows();
  const std::int64_t count = std::int64_t{call.problem.bundles.count} * filters * columns;
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    const int column = static_cast<int>(i % columns), row = static_cast<int>(i / columns);
    const int bundle = row / filters, filter = row % filters;
    float4 sum = weights_part(call, 0, bundle, filter, column);
    for (int part = 1; part < call.part_count; ++part) {
      const float4 next = weights_part(call, part, bundle, filter, column);
      sum = make_float4(sum.x + next.x, sum.y + next.y, sum.z + next.z, sum.w + next.w);
    }
    add_weights(call, bundle, filter, column, sum);
  }
}

bool depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.c && s.k == s.c; }

Precision usable_precision(const ConvShape& s) {
  return device_multiplies(s.precision) ? s.precision : Precision::kFp32;
}

std::int64_t sums_of(const ConvProblem& p) {
  return std::int64_t{p.bundles.count} * p.bundles.filters() * p.rows();
}

void wgrad_gemm(Precision precision, const WgradArguments& call, const WgradPlan& plan, Stream stream) {
  switch (precision) {
    case Precision::kFp32:
      return wgrad_gemm_fp32(call, plan, stream);
    case Precision::kTf32:
      return wgrad_gemm_tf32(call, plan, stream);
    case Precision::kFp16:
      return wgrad_gemm_fp16(call, plan, stream);
    case Precision::kBf16:
      return wgrad_gemm_bf16(call, plan, stream);
  }
}

class DepthwiseWgrad : public ConvWgrad {
 public:
  explicit DepthwiseWgrad(const ConvShape& s) : problem_(forward_problem(s)) {}
  std::int64_t workspace(int) const override { return 0; }
  void run(const WgradCall& call, Stream stream) const override {
    wgrad_depthwise({problem_, call.x, call.dy.data, call.dweights, nullptr, 1}, stream);
  }

 private:
  const ConvProblem problem_;
};

class GemmWgrad : public ConvWgrad {
 public:
  GemmWgrad(const ConvShape& s, bool plain)
      : problem_(forward_problem(s)),
        precision_(usable_precision(s)),
        plan_(wgrad_plan(problem_, precision_, plain)) {}
  std::int64_t workspace(int) const override {
    return plan_.parts == 1 ? 0 : std::int64_t{plan_.parts} * sums_of(problem_) * kBlock;
  }
  void run(const WgradCall& call, Stream stream) const override {
    const WgradArguments sums{problem_, call.x, call.dy.data, call.dweights, call.workspace, plan_.parts};
    wgrad_gemm(precision_, sums, plan_, stream);
    if (plan_.parts > 1) {
      const unsigned grid = grid_for(sums_of(problem_));
      launch("conv_add_weight_parts", add_weight_parts, grid, 256, 0, stream, sums);
    }
  }

 private:
  const ConvProblem problem_;
  const Precision precision_;
  const WgradPlan plan_;
};

}  // namespace

std::unique_ptr<const ConvWgrad> conv_wgrad(const ConvShape& s, bool plain) {
  require_countable(s);
  if (depthwise(s)) return std::make_unique<DepthwiseWgrad>(s);
  return std::make_unique<GemmWgrad>(s, plain);
}

}  // namespace pydarknet
