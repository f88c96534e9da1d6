// Copies to memory that nobody reads soon: past the caches, without reading the lines they overwrite.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace pydarknet::simd {

#if defined(__AVX512F__)
inline constexpr int kStreamFloats = 16;
inline void stream_one(float* to, const float* from) { _mm512_stream_ps(to, _mm512_loadu_ps(from)); }
#elif defined(__AVX__)
inline constexpr int kStreamFloats = 8;
inline void stream_one(float* to, const float* from) { _mm256_stream_ps(to, _mm256_loadu_ps(from)); }
#elif defined(__SSE2__)
inline constexpr int kStreamFloats = 4;
inline void stream_one(float* to, const float* from) { _mm_stream_ps(to, _mm_loadu_ps(from)); }
#endif

// Before another thread reads what was copied, end_streams().
inline void stream(float* to, const float* from, std::int64_t count) {
#if defined(__SSE2__)
  constexpr std::int64_t kFloats = kStreamFloats;
  if (reinterpret_cast<std::uintptr_t>(to) % sizeof(float[kFloats]) == 0 && count % kFloats == 0) {
    for (std::int64_t i = 0; i < count; i += kFloats) stream_one(to + i, from + i);
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
