// Gradients either become what they are given or add it: a value read twice gets two gradients.
#pragma once
#include "cpu/simd/vec.h"

namespace pydarknet {

inline void put(float* to, simd::Lanes v, bool accumulate) {
  simd::store(to, accumulate ? simd::load(to) + v : v);
}

}  // namespace pydarknet
