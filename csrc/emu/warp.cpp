#include "emu/warp.h"

#include <string>

#include "emu/report.h"
#include "emu/scheduler.h"

namespace pydarknet::emu {
namespace {

std::string mask_text(unsigned mask) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", mask);
  return digits;
}

// Fails if this call and what the other lanes do can't be one operation.
void check(const WarpCall& call, unsigned first, unsigned self) {
  const std::string name = call.name;
  if (!(call.mask >> self & 1))
    fail(name + ": the mask " + mask_text(call.mask) + " leaves out the caller", call.site);
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(call.mask >> i & 1) || i == self) continue;
    const std::string lane = "lane " + std::to_string(i);
    if (first + i >= block.size) fail(name + ": " + lane + " of the mask does not exist", call.site);
    const Thread& other = block.threads[first + i];
    if (other.state == State::kEnded) fail(name + ": " + lane + " of the mask has ended", call.site);
    if (other.state != State::kInWarp) continue;
    if (other.call->finish == call.finish && other.call->mask == call.mask) continue;
    fail(name + " with mask " + mask_text(call.mask) + ", but " + lane + " is in " + other.call->name +
             " with mask " + mask_text(other.call->mask) + " at " + place_text(other.call->site),
         call.site);
  }
}

void finish_vote(WarpCall* const (&lanes)[32], unsigned mask) {
  std::uint64_t ballot = 0;
  for (unsigned i = 0; i < kWarp; ++i) {
    if (lanes[i] && lanes[i]->value) ballot |= 1u << i;
  }
  for (unsigned i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) lanes[i]->result = ballot;
  }
}

}  // namespace

int lane() { return static_cast<int>(block.running % kWarp); }

unsigned live_lanes() {
  const unsigned first = block.running / kWarp * kWarp;
  unsigned mask = 0;
  for (unsigned i = 0; i < kWarp && first + i < block.size; ++i) {
    if (block.threads[first + i].state != State::kEnded) mask |= 1u << i;
  }
  return mask;
}

void warp_call(WarpCall& call) {
  const unsigned self = block.running % kWarp, first = block.running - self;
  check(call, first, self);
  block.current().call = &call;
  WarpCall* lanes[kWarp] = {};
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(call.mask >> i & 1)) continue;
    if (i != self && block.threads[first + i].state != State::kInWarp)
      return wait(State::kInWarp, call.name, call.site);
    lanes[i] = block.threads[first + i].call;
  }
  call.finish(lanes, call.mask);
  for (unsigned i = 0; i < kWarp; ++i) {
    if (i != self && lanes[i]) block.make_ready(first + i);
  }
}

void finish_sync(WarpCall* const (&)[32], unsigned) {}

void finish_shuffle(WarpCall* const (&lanes)[32], unsigned mask) {
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(mask >> i & 1)) continue;
    const int source = lanes[i]->source;
    if (!lanes[source]) {
      fail(std::string(lanes[i]->name) + ": lane " + std::to_string(i) + " reads lane " +
               std::to_string(source) + ", which the mask " + mask_text(mask) + " leaves out",
           lanes[i]->site);
    }
    lanes[i]->result = lanes[source]->value;
  }
}

unsigned vote(unsigned mask, bool predicate, const char* name, Site site) {
  WarpCall call{name, &finish_vote, mask, site};
  call.value = predicate;
  warp_call(call);
  return static_cast<unsigned>(call.result);
}

}  // namespace pydarknet::emu
