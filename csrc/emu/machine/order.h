// What happened before what: barriers order the memory accesses of a block, __syncwarp those of its lanes.
// Blocks of one launch are not ordered, launches are.
#pragma once
#include <cstdint>

#include "emu/machine/place.h"

namespace pydarknet::emu {

enum class Access : std::uint8_t { kRead, kWrite, kAtomic };

// One access to a word of memory. `block` counts blocks since the first launch, from 1.
struct Event {
  std::uint32_t block = 0, time = 0;
  std::uint16_t thread = 0;
  std::uint8_t bytes = 0;  // which of the word, one bit each
  Access access = Access::kRead;
  Place place;
};

// The last accesses of each kind. Reads by two threads: if many read between two barriers, a writer finds
// one.
struct History {
  Event write, atomic, read, other_read;
};

void order_launch();
void order_block();
void order_barrier();
// Lanes of `mask` of the running thread's warp.
void order_lanes(unsigned mask);

// The running thread's access, now.
Event event_now(Access access, std::uint8_t bytes, Place place);

// The event of `history` that `now` races with, or nullptr; then `now` is remembered. Memory that lives as
// long as its block can only race within it.
const Event* race(History& history, const Event& now, bool block_only);

}  // namespace pydarknet::emu
