// The block that is running: its threads as fibers, who may go on, who waits for what.
#pragma once
#include <string>
#include <vector>

#include "emu/fiber.h"
#include "emu/launch.h"
#include "emu/site.h"
#include "emu/warp.h"

namespace pydarknet::emu {

inline constexpr unsigned kWarp = 32, kMostThreads = 1024;

enum class State { kReady, kAtBarrier, kInWarp, kEnded };

struct Thread {
  Context context = nullptr;
  uint3 index{};
  State state = State::kReady;
  // Where it waits, and in what.
  const char* waits_in = nullptr;
  Site site{};
  WarpCall* call = nullptr;
};

struct Block {
  const Launch* launch = nullptr;
  uint3 index{};
  unsigned size = 0, ended = 0, arrived = 0;
  int predicates = 0, result = 0;  // of the barrier that is filling, of the last one
  std::vector<Thread> threads;
  std::vector<unsigned> ready;  // a ring of as many places as threads
  unsigned first = 0, count = 0;
  unsigned running = 0;

  Thread& current() { return threads[running]; }
  void make_ready(unsigned thread);
};

extern Block block;

// Suspends the running thread until someone makes it ready.
void wait(State state, const char* name, Site site);

// Ends the launch: it throws DeviceFailure with `what`, the running thread and `place` ("file:line").
[[noreturn]] void fail(const std::string& what, const std::string& place);
[[noreturn]] void fail(const std::string& what, Site site);

}  // namespace pydarknet::emu
