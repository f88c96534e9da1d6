// The caches of the machine's cores.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace pydarknet {

// Bytes of a core's second-level cache, between what was measured: a Zen 5's 1 MB, which is also assumed
// where the system doesn't say, and 2 MB of Intel's servers.
inline std::int64_t second_level_bytes() {
#ifdef _SC_LEVEL2_CACHE_SIZE
  static const std::int64_t said = sysconf(_SC_LEVEL2_CACHE_SIZE);
#else
  constexpr std::int64_t said = 0;
#endif
  return std::clamp<std::int64_t>(said, 1 << 20, 2 << 20);
}

}  // namespace pydarknet
