// The device's global memory: the arrays of the call that is running, and what it allocates itself.
#pragma once
#include <cstddef>

namespace pydarknet::emu {

// Fresh memory holds this in every word: a signalling NaN that no computation makes.
inline constexpr unsigned kPoison = 0x7fbadbad;

// Memory that kernels may touch until forget_arrays(). Overlapping arrays are writable where one of them is.
void note_array(const void* data, std::size_t bytes, bool writable);
void forget_arrays();

// Poisoned; noted until release().
void* allocate(std::size_t bytes);
void release(void* data);

}  // namespace pydarknet::emu
