#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Non-maximum suppression of runs of boxes (centre x, y, width, height), each of them sorted, the best first:
// run r is [starts[r], starts[r + 1]). alive[i] becomes 0 where a box before i in its run that is alive
// overlaps it by more than thresh, else 1. A box with NaN neither falls nor suppresses.
struct BoxRuns {
  const float* boxes;
  std::int64_t count;
  const std::int32_t* starts;  // rising from 0 to count
  std::int64_t runs;
};

// How far two boxes overlap: their IoU, or less of it the farther apart the centres are: IoU - (d^2 /
// c^2)^beta, d the distance of the centres, c the diagonal of the smallest box around both.
struct Overlap {
  float thresh;
  bool by_distance;
  float beta;
};
void nms(const BoxRuns& boxes, Overlap limit, std::int32_t* alive, Stream stream);

}  // namespace pydarknet
