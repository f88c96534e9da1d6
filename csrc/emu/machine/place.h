// Places in the source, small enough to be remembered for every word of memory.
#pragma once
#include <cstdint>
#include <string>

#include "emu/machine/site.h"

namespace pydarknet::emu {

// Nowhere (0), an instruction of this module as its distance from the module's start, or a Site.
struct Place {
  std::uint32_t code = 0;
};

// This module in memory: the code and constants of kernels.
struct Image {
  std::uintptr_t begin, bytes;
  bool holds(std::uintptr_t address) const { return address - begin < bytes; }
};
const Image& image();

inline Place place_of(const void* instruction) {
  return {static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(instruction) - image().begin)};
}
Place place_of(Site site);

// "region_loss.cu:52", for code that was inlined "lanes.h:30 from pool.cu:71".
std::string text(Place place);

}  // namespace pydarknet::emu
