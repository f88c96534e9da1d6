// The implicit GEMM as an algorithm of each precision.
#include "cuda/conv/pack.h"
#include "cuda/conv/result.h"
#include "device.h"

namespace pydarknet {
namespace {

// Sums in parts are added in the order of the parts, so a result does not depend on which came first.
__global__ void add_parts(const ConvProblem p, float* parts, int part_count, const ConvResult result) {
  const int pixels = p.pixels(), blocks = p.bundles.filter_blocks();
  const std::int64_t count = std::int64_t{p.bundles.count} * blocks * pixels;
  for (std::int64_t i = global_thread(); i < count; i += global_threads()) {
    const int pixel = static_cast<int>(i % pixels), row = static_cast<int>(i / pixels);
    const int bundle = row / blocks, block = row % blocks;
    float4 sum = part_of(p, parts, 0, bundle, block, pixel);
    for (int part = 1; part < part_count; ++part) {
      const float4 next = part_of(p, parts, part, bundle, block, pixel);
      sum = make_float4(sum.x + next.x, sum.y + next.y, sum.z + next.z, sum.w + next.w);
    }
    finish(p, result, bundle, block, pixel, sum);
  }
}

using Gemm = void (*)(const GemmCall&);

class Implicit : public DeviceConvolution {
 public:
  Implicit(const char* name, Precision precision, bool plain, Gemm gemm)
      : name_(name), precision_(precision), plain_(plain), gemm_(gemm) {}
  const char* name() const override { return name_; }
  bool plain() const override { return plain_; }
  Precision precision() const override { return precision_; }
  bool supports(const ConvShape& s) const override {
    return countable(s) && (!plain_ || s.groups == 1) && device_multiplies(precision_);
  }
  double seconds(const ConvProblem& p) const override { return gemm_seconds(p, precision_, plain_); }

  std::int64_t packed_floats(const ConvProblem& p) const override {
    return gemm_packed_floats(p, precision_);
  }
  void pack_problem(const ConvProblem& p, const WeightMap& map, const float* weights, float* packed,
                    Stream stream) const override {
    gemm_pack(p, precision_, map, weights, packed, stream);
  }
  std::int64_t workspace_floats(const ConvProblem& p) const override {
    const int parts = gemm_plan(p, precision_, plain_).parts;
    return parts == 1 ? 0 : std::int64_t{parts} * results(p) * kBlock;
  }
  void run(const ConvProblem& p, const float* x, const float* packed, const ConvResult& result,
           float* workspace, Stream stream) const override {
    const GemmPlan plan = gemm_plan(p, precision_, plain_);
    float* const parts = plan.parts == 1 ? nullptr : workspace;
    gemm_({p, plan, plain_, x, packed, result, parts, stream});
    if (parts) {
      launch("conv_add_parts", add_parts, grid_for(results(p)), 256, 0, stream, p, parts, plan.parts, result);
    }
  }

 private:
  static std::int64_t results(const ConvProblem& p) {
    return std::int64_t{p.bundles.count} * p.bundles.filter_blocks() * p.pixels();
  }
  const char* const name_;
  const Precision precision_;
  const bool plain_;
  const Gemm gemm_;
};

}  // namespace

const DeviceConvolution& implicit_fp32_convolution() {
  static const Implicit algorithm("implicit_fp32", Precision::kFp32, false, gemm_fp32);
  return algorithm;
}

const std::vector<const ConvAlgorithm*>& convolution_algorithms() {
  static const Implicit tf32("implicit_tf32", Precision::kTf32, false, gemm_tf32);
  static const Implicit fp16("implicit_fp16", Precision::kFp16, false, gemm_fp16);
  static const Implicit bf16("implicit_bf16", Precision::kBf16, false, gemm_bf16);
  static const Implicit fp32_plain("implicit_fp32_plain", Precision::kFp32, true, gemm_fp32);
  static const Implicit tf32_plain("implicit_tf32_plain", Precision::kTf32, true, gemm_tf32);
  static const Implicit fp16_plain("implicit_fp16_plain", Precision::kFp16, true, gemm_fp16);
  static const Implicit bf16_plain("implicit_bf16_plain", Precision::kBf16, true, gemm_bf16);
  static const std::vector<const ConvAlgorithm*> all = {&implicit_fp32_convolution(),
                                                        &tf32,
                                                        &fp16,
                                                        &bf16,
                                                        &fp32_plain,
                                                        &tf32_plain,
                                                        &fp16_plain,
                                                        &bf16_plain,
                                                        &winograd_convolution(),
                                                        &depthwise_convolution()};
  return all;
}

void conv_forward(const ConvAlgorithm& algorithm, const ConvCall& call, const float* x, Tensor y,
                  Stream stream) {
  algorithm.forward(call, x, y, stream);
}

}  // namespace pydarknet
