#include <vector>

#include "shared/cost_terms.h"
#include "shared/threads.h"

namespace pydarknet {
namespace {

// Writes the delta of each number and gives the sum of their losses.
template <class F>
double sum_terms(const LossRows& rows, const F& term) {
  std::vector<double> sums(static_cast<std::size_t>(rows.images));
  parallel_for(rows.images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      double sum = 0;
      for (std::int64_t i = image * rows.inputs; i < (image + 1) * rows.inputs; ++i) {
        const Term one = term(rows.output[i], rows.truth[i]);
        rows.delta[i] = one.delta;
        sum += double{one.loss};
      }
      sums[static_cast<std::size_t>(image)] = sum;
    }
  });
  double all = 0;
  for (const double sum : sums) all += sum;
  return all;
}

}  // namespace

double softmax_loss(const LossRows& rows, bool masked, Stream) {
  return sum_terms(rows, SoftmaxTerm{masked});
}

double cost_loss(const LossRows& rows, const CostSettings& settings, Stream) {
  return sum_terms(rows, CostTerm{settings, static_cast<float>(rows.inputs)});
}

}  // namespace pydarknet
