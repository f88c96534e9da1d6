#include "emu/machine/warp.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "emu/machine/order.h"
#include "emu/machine/scheduler.h"

namespace pydarknet::emu {
namespace {

struct Warp {
  unsigned live = 0, waiting = 0;
  WarpCall* calls[kWarp] = {};
};
Warp warps[kMostThreads / kWarp];

std::string mask_text(unsigned mask) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "0x%08x", mask);
  return digits;
}

int first_lane(unsigned mask) { return __builtin_ctz(mask); }

// Fails if lane `other`, which waits, is in another operation.
void check_agreement(const Warp& warp, const WarpCall& call, int other) {
  const WarpCall& theirs = *warp.calls[other];
  const bool same_name = theirs.name == call.name || !std::strcmp(theirs.name, call.name);
  if (same_name && theirs.mask == call.mask) return;
  fail(std::string("lanes disagree: ") + call.name + " with mask " + mask_text(call.mask) + ", while lane " +
           std::to_string(other) + " is in " + theirs.name + " with mask " + mask_text(theirs.mask),
       place_of(call.site), place_of(theirs.site));
}

void check_mask(const Warp& warp, const WarpCall& call, unsigned self) {
  const unsigned gone = call.mask & ~warp.live;
  if ((call.mask & self) && !gone) return;
  fail(std::string(call.name) + " with mask " + mask_text(call.mask) + ": " +
           (call.mask & self ? "lane " + std::to_string(first_lane(gone)) + " has ended or never was"
                             : "the mask leaves out the caller"),
       call.site);
}

void finish_vote(WarpCall* const (&lanes)[kWarp], unsigned mask) {
  std::uint64_t ballot = 0;
  for (unsigned i = 0; i < kWarp; ++i) {
    if (lanes[i] && lanes[i]->value) ballot |= 1u << i;
  }
  for (unsigned i = 0; i < kWarp; ++i) {
    if (mask >> i & 1) lanes[i]->result = ballot;
  }
}

// All lanes of the mask are here.
void finish(Warp& warp, const WarpCall& call, unsigned self) {
  const unsigned first = block.running / kWarp * kWarp;
  WarpCall* lanes[kWarp] = {};
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(call.mask >> i & 1)) continue;
    lanes[i] = warp.calls[i];
    check_agreement(warp, call, static_cast<int>(i));
  }
  call.finish(lanes, call.mask);
  warp.waiting &= ~call.mask;
  for (unsigned i = 0; i < kWarp; ++i) {
    if (call.mask & ~self & 1u << i) block.make_ready(first + i);
  }
}

}  // namespace

void start_warps(unsigned threads) {
  for (unsigned first = 0; first < threads; first += kWarp) {
    const unsigned lanes = threads - first;
    warps[first / kWarp] = {lanes >= kWarp ? ~0u : (1u << lanes) - 1};
  }
}

void leave_warp() { warps[block.running / kWarp].live &= ~(1u << block.running % kWarp); }

int lane() { return static_cast<int>(block.running % kWarp); }
unsigned live_lanes() { return warps[block.running / kWarp].live; }

void warp_call(WarpCall& call) {
  Warp& warp = warps[block.running / kWarp];
  const unsigned self = 1u << block.running % kWarp;
  check_mask(warp, call, self);
  warp.calls[block.running % kWarp] = &call;
  const unsigned here = warp.waiting & call.mask;
  if (here) check_agreement(warp, call, first_lane(here));
  warp.waiting |= self;
  if ((warp.waiting & call.mask) == call.mask) return finish(warp, call, self);
  wait(State::kInWarp, call.name, call.site);
}

void finish_sync(WarpCall* const (&)[kWarp], unsigned mask) { order_lanes(mask); }

void finish_shuffle(WarpCall* const (&lanes)[kWarp], unsigned mask) {
  for (unsigned i = 0; i < kWarp; ++i) {
    if (!(mask >> i & 1)) continue;
    const int source = lanes[i]->source;
    if (!lanes[source]) {
      fail(std::string(lanes[i]->name) + " with mask " + mask_text(mask) + ": lane " + std::to_string(i) +
               " reads lane " + std::to_string(source) + ", which the mask leaves out",
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
