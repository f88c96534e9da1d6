// CUDA's keywords, vector types and thread indices.
#pragma once
#include <cstddef>
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

#define PYDARKNET_VECTOR_TYPES(T, name)                                              \
  struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                 \
  struct name##3 { T x, y, z; };                                                     \
  struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) name##4 { T x, y, z, w; }; \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                 \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

PYDARKNET_VECTOR_TYPES(float, float)
PYDARKNET_VECTOR_TYPES(double, double)
PYDARKNET_VECTOR_TYPES(int, int)
PYDARKNET_VECTOR_TYPES(unsigned char, uchar)
#undef PYDARKNET_VECTOR_TYPES

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// Constants as far as one thread is concerned, so the compiler neither reloads nor observes them; the
// scheduler, which defines these symbols as variables, rewrites them whenever it changes the thread.
extern const uint3 threadIdx __asm__("pydarknet_emu_thread_index");
extern const uint3 blockIdx __asm__("pydarknet_emu_block_index");
extern const dim3 blockDim __asm__("pydarknet_emu_block_size");
extern const dim3 gridDim __asm__("pydarknet_emu_grid_size");
constexpr int warpSize = 32;
