// What the emulator says about a kernel that went wrong.
#pragma once
#include <string>

#include "emu/machine/scheduler.h"

namespace pydarknet::emu {

// "KERNEL: WHAT, at PLACE (block (0, 0, 0), thread (3, 0, 0))"; the thread is the running one.
std::string describe(const Block& block, const std::string& what, Place place);
// Says where all threads of a block wait that can't go on.
std::string describe_stuck(const Block& block);
// Fails unless `first`, which waits at a barrier, is at this one.
void check_barrier(const Thread& first, const char* name, Site site);

}  // namespace pydarknet::emu
