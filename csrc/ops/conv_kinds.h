// The CPU's convolution algorithms, and what they share.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

const ConvAlgorithm& direct_convolution();
const ConvAlgorithm& direct_plain_convolution();
const ConvAlgorithm& depthwise_convolution();
// F(2x2, 3x3) and F(4x4, 3x3), Lavin and Gray 2015.
const ConvAlgorithm& winograd2_convolution();
const ConvAlgorithm& winograd4_convolution();

// The slope below zero with which simd::rectify makes the activation; 1 for those it can't make.
float rectifier_slope(Activation activation);

// Threads whose scratch fits the call's workspace, at most the current number.
int conv_threads(const ConvCall& call, const ConvAlgorithm& algorithm);

}  // namespace pydarknet
