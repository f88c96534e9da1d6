// Operations of several lanes of a warp: each posts its part and waits, the last one finishes for all.
#pragma once
#include <cstdint>

#include "emu/machine/site.h"

namespace pydarknet::emu {

inline constexpr unsigned kWarp = 32;

struct WarpCall;
// Computes all results. Lanes outside of `mask` are null.
using Finish = void (*)(WarpCall* const (&lanes)[kWarp], unsigned mask);

struct WarpCall {
  const char* name;
  Finish finish;
  unsigned mask;
  Site site;
  std::uint64_t value = 0;
  int source = 0;
  std::uint64_t result = 0;
  // Operands of mma.
  const void* from[2] = {};
  void* to = nullptr;
};

// Returns when all lanes of the mask have called. The lanes must agree on operation and mask.
void warp_call(WarpCall& call);

void finish_sync(WarpCall* const (&lanes)[kWarp], unsigned mask);
void finish_shuffle(WarpCall* const (&lanes)[kWarp], unsigned mask);
// The lanes of the mask whose predicate holds.
unsigned vote(unsigned mask, bool predicate, const char* name, Site site);

// The calling thread's lane, and the lanes of its warp that have not ended.
int lane();
unsigned live_lanes();

// At the start of a block, and when its running thread ends.
void start_warps(unsigned threads);
void leave_warp();

}  // namespace pydarknet::emu
