#include "cuda/conv/wgrad.h"
#include "device.h"
#include "ops/conv_backward.h"

namespace pydarknet {
namespace {

__global__ void add_weight_parts(const CorrelateCall call) {
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

void correlate(Precision precision, const CorrelateCall& call, const CorrelatePlan& plan, Stream stream) {
  switch (precision) {
    case Precision::kFp32:
      return correlate_fp32(call, plan, stream);
    case Precision::kTf32:
      return correlate_tf32(call, plan, stream);
    case Precision::kFp16:
      return correlate_fp16(call, plan, stream);
    case Precision::kBf16:
      return correlate_bf16(call, plan, stream);
  }
}

void add_gradient(const ConvShape& s, const float* x, bool plain, const float* dy, float* dweights,
                  float* workspace, Stream stream) {
  require_countable(s);
  const ConvProblem p = forward_problem(s);
  if (depthwise(s)) return correlate_depthwise({p, x, dy, dweights, nullptr, 1}, stream);
  const Precision chosen = usable_precision(s);
  const CorrelatePlan plan = correlate_plan(p, chosen, plain);
  const CorrelateCall call{p, x, dy, dweights, workspace, plan.parts};
  correlate(chosen, call, plan, stream);
  if (plan.parts > 1) {
    launch("conv_add_weight_parts", add_weight_parts, grid_for(sums_of(p)), 256, 0, stream, call);
  }
}

}  // namespace

std::int64_t conv_weights_workspace(const ConvShape& s, bool plain, int) {
  require_countable(s);
  if (depthwise(s)) return 0;
  const ConvProblem p = forward_problem(s);
  const int parts = correlate_plan(p, usable_precision(s), plain).parts;
  return parts == 1 ? 0 : std::int64_t{parts} * sums_of(p) * kBlock;
}

void conv_backward_weights(const ConvShape& s, ConstTensor x, ConstTensor dy, float* dweights,
                           float* workspace, std::int64_t, Stream stream) {
  add_gradient(s, x.data, false, dy.data, dweights, workspace, stream);
}

void conv_backward_weights(const ConvShape& s, ConstPlain x, ConstTensor dy, float* dweights,
                           float* workspace, std::int64_t, Stream stream) {
  add_gradient(s, x.data, true, dy.data, dweights, workspace, stream);
}

}  // namespace pydarknet
