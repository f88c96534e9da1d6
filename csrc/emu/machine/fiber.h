// A second flow of control on a stack of its own. Hand-written for the usual processors, since swapcontext
// makes a system call at every switch; the build picks one fiber_*.cpp.
#pragma once
#include <cstddef>

namespace pydarknet::emu {

// Where a suspended flow goes on; only fiber_*.cpp knows what it points to.
using Context = void*;

// A context that calls `entry` at its first switch. `entry` never returns.
Context make_context(void* stack, std::size_t bytes, void (*entry)());

// Suspends the running flow into `from` and goes on with `to`.
void switch_context(Context* from, Context to);

}  // namespace pydarknet::emu
