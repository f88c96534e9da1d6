// Copies to memory that nobody reads soon: past the caches, without reading the lines they overwrite.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace pydarknet::simd {

// Before another thread reads what was copied, end_streams().
inline void stream(float* to, const float* from, std::int64_t count) {
#if defined(__SSE2__)
  if (reinterpret_cast<std::uintptr_t>(to) % 16 == 0 && count % 4 == 0) {
    for (std::int64_t i = 0; i < count; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
    return;
  }
#endif
  std::memcpy(to, from, sizeof(float) * static_cast<std::size_t>(count));
}

// Orders this thread's streams before its later stores.
inline void end_streams() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace pydarknet::simd
