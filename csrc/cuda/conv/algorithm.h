// The device's convolution algorithms: each solves any ConvProblem, forward or a phase of a gradient.
#pragma once
#include "cuda/conv/gemm.h"
#include "cuda/conv/problem.h"

namespace pydarknet {

// y = activation(sums + bias), or y += with `accumulate`.
struct ConvResult {
  float* y;
  const float* bias;  // nullptr: none
  Activation activation;
  bool accumulate;
};

class DeviceConvolution : public ConvAlgorithm {
 public:
  virtual std::int64_t packed_floats(const ConvProblem& problem) const = 0;
  virtual void pack_problem(const ConvProblem& problem, const WeightMap& map, const float* weights,
                            float* packed, Stream stream) const = 0;
  virtual std::int64_t workspace_floats(const ConvProblem&) const { return 0; }
  virtual double seconds(const ConvProblem& problem) const = 0;
  virtual void run(const ConvProblem& problem, const float* x, const float* packed, const ConvResult& result,
                   float* workspace, Stream stream) const = 0;

  bool supports(const ConvShape& s) const override { return countable(s); }
  double cost(const ConvShape& s, int) const override { return seconds(forward_problem(s)); }
  std::int64_t packed_size(const ConvShape& s) const override { return packed_floats(forward_problem(s)); }
  void pack(const ConvShape& s, const float* weights, float* packed, Stream stream) const override {
    pack_problem(forward_problem(s), forward_weights(s), weights, packed, stream);
  }
  std::int64_t workspace(const ConvShape& s, int) const override {
    return workspace_floats(forward_problem(s));
  }
  void forward(const ConvCall& call, const float* x, Tensor y, Stream stream) const override {
    run(forward_problem(call.shape), x, call.packed, {y.data, call.bias, call.activation, false},
        call.workspace, stream);
  }
};

const DeviceConvolution& implicit_fp32_convolution();
const DeviceConvolution& depthwise_convolution();
// F(4x4, 3x3) with FP32 factors (shared/winograd.h).
const DeviceConvolution& winograd_convolution();

// The implicit GEMM, one function for each precision: each is a file, as they take long to compile.
struct GemmCall {
  ConvProblem problem;
  GemmPlan plan;
  bool plain;
  const float *x, *packed;
  ConvResult result;
  float* parts;  // with several parts of the sum: [part][bundle][filter block][pixel][4]
  Stream stream;
};
void gemm_fp32(const GemmCall& call);
void gemm_tf32(const GemmCall& call);
void gemm_fp16(const GemmCall& call);
void gemm_bf16(const GemmCall& call);

}  // namespace pydarknet
