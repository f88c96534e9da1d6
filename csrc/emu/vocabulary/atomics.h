// Atomic operations. Only one thread runs at a time, so plain code is atomic; what matters is that the
// memory checks are told.
#pragma once
#include <algorithm>
#include <cstring>

#include "emu/machine/site.h"

namespace pydarknet::emu {

void observe_atomic(void* address, std::size_t bytes, Site site);

// The old value; *address becomes update(old).
template <class T, class F>
__attribute__((no_sanitize("thread"))) T atomic_update(T* address, Site site, F update) {
  observe_atomic(address, sizeof(T), site);
  const T old = *address;
  *address = update(old);
  return old;
}

}  // namespace pydarknet::emu

#define PYDARKNET_ATOMIC(T, name, expression)                                                      \
  inline T name(T* address, T value, pydarknet::emu::Site site = pydarknet::emu::Site::here()) {   \
    return pydarknet::emu::atomic_update(address, site,                                            \
                                         [=]([[maybe_unused]] T old) -> T { return expression; }); \
  }
#define PYDARKNET_ATOMICS(T)                           \
  PYDARKNET_ATOMIC(T, atomicAdd, old + value)          \
  PYDARKNET_ATOMIC(T, atomicExch, value)               \
  PYDARKNET_ATOMIC(T, atomicMax, std::max(old, value)) \
  PYDARKNET_ATOMIC(T, atomicMin, std::min(old, value)) \
  PYDARKNET_ATOMIC(T, atomicAnd, old& value)           \
  PYDARKNET_ATOMIC(T, atomicOr, old | value)

PYDARKNET_ATOMICS(int)
PYDARKNET_ATOMICS(unsigned)
PYDARKNET_ATOMICS(unsigned long long)
PYDARKNET_ATOMIC(float, atomicAdd, old + value)
PYDARKNET_ATOMIC(float, atomicExch, value)
PYDARKNET_ATOMIC(double, atomicAdd, old + value)
#undef PYDARKNET_ATOMICS
#undef PYDARKNET_ATOMIC

#define PYDARKNET_COMPARE_AND_SWAP(T)                                                           \
  inline T atomicCAS(T* address, T expected, T value,                                           \
                     pydarknet::emu::Site site = pydarknet::emu::Site::here()) {                \
    return pydarknet::emu::atomic_update(address, site,                                         \
                                         [=](T old) { return old == expected ? value : old; }); \
  }
PYDARKNET_COMPARE_AND_SWAP(int)
PYDARKNET_COMPARE_AND_SWAP(unsigned)
PYDARKNET_COMPARE_AND_SWAP(unsigned long long)
#undef PYDARKNET_COMPARE_AND_SWAP
