// The order in which algorithms are offered.
#pragma once
#include "ops/conv.h"

namespace pydarknet {

struct ConvCandidate {
  const ConvAlgorithm* algorithm;
  double cost;
  std::int64_t packed_bytes;
  double alone = 0;  // the cost with one thread
};

// Their names, fastest first (of equals the smallest) and those coarser than `coarsest` last, without those
// whose packed weights pass `max_packed_bytes` unless none that is fine enough would be left. Those of the
// same bits stand together, where the fastest of them would with one thread: the number of threads changes no
// bit.
std::vector<std::string> fastest_first(const std::vector<ConvCandidate>& candidates,
                                       std::int64_t max_packed_bytes, Precision coarsest);

}  // namespace pydarknet
