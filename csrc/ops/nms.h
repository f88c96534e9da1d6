#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Non-maximum suppression of runs of boxes (centre x, y, width, height), each of them sorted, the best first:
// run r is [starts[r], starts[r + 1]). alive[i] becomes 0 where a box before i in its run that is alive
// overlaps it by an IoU above thresh, else 1. A box with NaN neither falls nor suppresses.
struct BoxRuns {
  const float* boxes;
  std::int64_t count;
  const std::int32_t* starts;  // rising from 0 to count
  std::int64_t runs;
};
void nms(const BoxRuns& boxes, float thresh, std::int32_t* alive, Stream stream);

}  // namespace pydarknet
