#include "cpu/conv/algorithms.h"

#include <algorithm>

#include "ops/conv.h"
#include "shared/threads.h"

namespace pydarknet {

const std::vector<const ConvAlgorithm*>& convolution_algorithms() {
  static const std::vector<const ConvAlgorithm*> all = [] {
    std::vector<const ConvAlgorithm*> list{&direct_plain_convolution(), &depthwise_convolution(),
                                           &winograd_few_convolution()};
    for (const auto* each : {&direct_convolutions(), &winograd_convolutions(), &matrix_convolutions()}) {
      list.insert(list.end(), each->begin(), each->end());
    }
    return list;
  }();
  return all;
}

const CpuConvolution& direct_convolution(Precision precision) {
  const CpuConvolution* best = direct_convolutions()[0];
  for (const CpuConvolution* each : direct_convolutions()) {
    if (each->precision() == precision) best = each;
  }
  return *best;
}

std::int64_t CpuConvolution::workspace(const ConvShape& shape, int threads) const {
  std::int64_t most = 0;
  for (int i = 1; i <= threads; ++i) most = std::max(most, scratch(shape, i));
  return most;
}

int conv_threads(const ConvCall& call, const CpuConvolution& algorithm) {
  int threads = num_threads();
  while (threads > 1 && algorithm.scratch(call.shape, threads) > call.workspace_floats) --threads;
  return threads;
}

void conv_forward(const ConvAlgorithm& algorithm, const ConvCall& call, const float* x, Tensor y,
                  Stream stream) {
  algorithm.forward(call, x, y, stream);
}

}  // namespace pydarknet
