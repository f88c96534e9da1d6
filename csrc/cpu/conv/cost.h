// The cost model, docs/cpu-kernels.md: vector instructions and bytes of weights, whichever takes longer.
#pragma once
#include <cstdint>

namespace pydarknet {

class CostModel {
 public:
  explicit CostModel(int threads) : threads_(threads) {}
  // `fmas` vector multiply-adds, on at most `run` pixels in a row.
  void product(double fmas, int run);
  // `instructions` other vector instructions: transforms.
  void vectors(double instructions);
  // `floats` of packed weights read once.
  void weights(std::int64_t floats);
  double seconds() const;

 private:
  const int threads_;
  double cycles_ = 0, bytes_ = 0;
};

}  // namespace pydarknet
