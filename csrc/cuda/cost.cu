#include "device.h"
#include "shared/cost_terms.h"

namespace pydarknet {
namespace {

constexpr int kCostThreads = 256;

// Writes the delta of each number; one sum for each block.
template <class F>
__global__ void cost_terms(LossRows rows, F term, double* sums) {
  double sum = 0;
  for (std::int64_t i = global_thread(); i < rows.images * rows.inputs; i += global_threads()) {
    const Term one = term(rows.output[i], rows.truth[i]);
    rows.delta[i] = one.delta;
    sum += double{one.loss};
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// In one block.
__global__ void cost_total(double* sums, int count) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kCostThreads) sum += sums[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[0] = sum;
}

// The sum of all losses; its order depends on nothing but the size.
template <class F>
double sum_terms(const char* op, const LossRows& rows, F term, Stream stream) {
  const unsigned blocks = grid_for(rows.images * rows.inputs, kCostThreads);
  if (!blocks) return 0;
  const Scratch<double> sums(blocks, stream);
  launch(op, cost_terms<F>, blocks, kCostThreads, 0, stream, rows, term, sums.data());
  launch(op, cost_total, 1, kCostThreads, 0, stream, sums.data(), static_cast<int>(blocks));
  double all = 0;
  copy_to_host(&all, sums.data(), sizeof all, stream);
  return all;
}

}  // namespace

double softmax_loss(const LossRows& rows, bool masked, Stream stream) {
  return sum_terms("softmax_loss", rows, SoftmaxTerm{masked}, stream);
}

double cost_loss(const LossRows& rows, const CostSettings& settings, Stream stream) {
  return sum_terms("cost_loss", rows, CostTerm{settings, static_cast<float>(rows.inputs)}, stream);
}

}  // namespace pydarknet
