#include "emu/machine/order.h"

#include <algorithm>

#include "emu/machine/scheduler.h"

namespace pydarknet::emu {
namespace {

std::uint32_t first_of_launch = 1, this_block = 0;
// Ticks at every synchronisation and never stops. Events before the last barrier are in the past of all.
std::uint32_t now = 0, last_barrier = 0;
std::uint32_t times[kMostThreads];
// known[i][l]: events of lane l of i's warp before this time are in thread i's past.
std::uint32_t known[kMostThreads][kWarp];

bool in_the_past(const Event& event) {
  if (event.block != this_block) return event.block < first_of_launch;
  if (event.time < last_barrier || event.thread == block.running) return true;
  return event.thread / kWarp == block.running / kWarp &&
         event.time < known[block.running][event.thread % kWarp];
}

bool races(const Event& then, const Event& event, bool block_only) {
  return (then.bytes & event.bytes) && !in_the_past(then) && !(block_only && then.block != this_block);
}

}  // namespace

void order_launch() { first_of_launch = this_block + 1; }

void order_block() {
  ++this_block;
  order_barrier();
}

void order_barrier() {
  last_barrier = ++now;
  std::fill_n(times, block.size, now);
}

void order_lanes(unsigned mask) {
  const unsigned first = block.running / kWarp * kWarp;
  std::uint32_t all[kWarp] = {};
  ++now;
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(mask >> i & 1)) continue;
    for (unsigned l = 0; l < kWarp; ++l) all[l] = std::max(all[l], known[first + i][l]);
  }
  for (unsigned i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) all[i] = times[first + i] = now;
  }
  for (unsigned i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) std::copy_n(all, kWarp, known[first + i]);
  }
}

Event event_now(Access access, std::uint8_t bytes, Place place) {
  const auto thread = static_cast<std::uint16_t>(block.running);
  return {this_block, times[thread], thread, bytes, access, place};
}

const Event* race(History& history, const Event& event, bool block_only) {
  const bool read = event.access == Access::kRead, atomic = event.access == Access::kAtomic;
  if (races(history.write, event, block_only)) return &history.write;
  if (!atomic && races(history.atomic, event, block_only)) return &history.atomic;
  if (!read && races(history.read, event, block_only)) return &history.read;
  if (!read && races(history.other_read, event, block_only)) return &history.other_read;
  if (!read) {
    (atomic ? history.atomic : history.write) = event;
  } else {
    if (history.read.thread != event.thread || history.read.block != event.block)
      history.other_read = history.read;
    history.read = event;
  }
  return nullptr;
}

}  // namespace pydarknet::emu
