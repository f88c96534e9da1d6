#pragma once
#include <cstdint>

namespace pydarknet {

// y[i] = logistic(x[i]), in this thread; y may be x. Not inline: with shared/region_entries.h, a file is
// compiled without fused multiply-adds, and its logistic would round otherwise than that of an activation,
// and slower.
void logistic(const float* x, float* y, std::int64_t count);

}  // namespace pydarknet
