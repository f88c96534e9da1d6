// Weights into the layout of the implicit GEMM.
#pragma once
#include "cuda/conv/algorithm.h"

namespace pydarknet {

std::int64_t gemm_packed_floats(const ConvProblem& problem, Precision precision);
void gemm_pack(const ConvProblem& problem, Precision precision, const WeightMap& map, const float* weights,
               float* packed, Stream stream);

// 3x3 kernels, one group, as the 36 groups of 1x1 kernels that they are in the Winograd domain, in FP32.
void winograd_pack(const ConvProblem& problem, const WeightMap& map, const float* weights, float* packed,
                   Stream stream);

// [block][tap][lane] of a depthwise convolution.
void depthwise_pack(const ConvProblem& problem, const WeightMap& map, const float* weights, float* packed,
                    Stream stream);

}  // namespace pydarknet
