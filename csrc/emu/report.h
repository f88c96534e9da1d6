// What the emulator says about a kernel that went wrong.
#pragma once
#include <cstdint>
#include <string>

#include "emu/scheduler.h"

namespace pydarknet::emu {

// "region_loss.cu:52"
std::string place_text(Site site);
// "thread (3, 0, 0)"
std::string thread_text(const Block& block, unsigned thread);
// "KERNEL: WHAT, at PLACE (block (0, 0, 0), thread (3, 0, 0))"
std::string describe(const Block& block, const std::string& what, const std::string& place);
// Names the waits of a block where nobody can go on.
std::string describe_stuck(const Block& block);
// Fails unless all threads have come to the same barrier: the running one is at `name`.
void check_barrier(const Block& block, const char* name, Site site);

}  // namespace pydarknet::emu
