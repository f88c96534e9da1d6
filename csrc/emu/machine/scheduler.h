// The block that is running: its threads as fibers, who may go on, who waits for what.
#pragma once
#include <string>
#include <vector>

#include "emu/machine/fiber.h"
#include "emu/machine/place.h"
#include "emu/machine/warp.h"
#include "emu/vocabulary/launch.h"

namespace pydarknet::emu {

inline constexpr unsigned kMostThreads = 1024;

enum class State { kReady, kAtBarrier, kInWarp, kEnded };

struct Thread {
  Context context = nullptr;
  uint3 index{};
  State state = State::kReady;
  // Where it waits, and in what.
  const char* waits_in = nullptr;
  Site site{};
};

struct Block {
  const Launch* launch = nullptr;
  uint3 index{};
  unsigned size = 0, running = 0, ended = 0;
  std::vector<Thread> threads;

  // The barrier that is filling: who came first, how many, how many of them with a true predicate. The last
  // one's predicates.
  unsigned first_at_barrier = 0, at_barrier = 0;
  int predicates = 0, last_predicates = 0;

  std::uint64_t accesses = 0;  // of the running thread since it went on

  // Threads that may go on: a ring.
  std::vector<unsigned> ready;
  unsigned first_ready = 0, count_ready = 0;

  Thread& current() { return threads[running]; }
  void make_ready(unsigned thread);
};

extern Block block;

// Suspends the running thread until someone makes it ready.
void wait(State state, const char* name, Site site);

// Ends the launch, which throws DeviceFailure: "KERNEL: WHAT[ at OTHER TAIL], at PLACE (block, thread)".
[[noreturn]] void fail(const std::string& what, Place place, Place other = {}, const char* tail = "");
[[noreturn]] inline void fail(const std::string& what, Site site) { fail(what, place_of(site)); }

}  // namespace pydarknet::emu
