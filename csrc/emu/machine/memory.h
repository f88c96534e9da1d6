// The device's global memory: the arrays of the call that is running, and what it allocates itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "emu/machine/order.h"

namespace pydarknet::emu {

// Fresh memory holds this in every word: a signalling NaN that no computation makes.
inline constexpr std::uint32_t kPoison = 0x7fbadbad;

// From here to end_call() kernels may touch the arrays that are noted, and host code of this module may not.
void start_call();
void note_array(const char* name, const void* data, std::size_t bytes, bool writable);
void end_call();

// Poisoned; noted until release().
void* allocate(std::size_t bytes);
void release(void* data);

// A piece of global memory that kernels may touch.
struct Array {
  std::uintptr_t begin, end;
  bool writable;
  std::string name;
  History* histories;  // one for each word; nullptr if it can't be written
};

// The array that holds all of these bytes, or nullptr.
Array* array_at(std::uintptr_t address, std::size_t bytes);
// "'y' (400 bytes), byte 400", for an address in no array but near one.
std::string whereabouts(std::uintptr_t address);

}  // namespace pydarknet::emu
