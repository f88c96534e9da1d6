#include "emu/machine/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <random>
#include <utility>

#include "emu/machine/order.h"
#include "emu/machine/report.h"
#include "emu/machine/shared_arena.h"
#include "emu/machine/stacks.h"
#include "emu/machine/watch.h"
#include "emu/vocabulary/async_copy.h"
#include "emu/vocabulary/synchronise.h"

// What kernels see as the constants threadIdx, blockIdx, blockDim and gridDim (emu/vocabulary/types.h).
extern "C" {
uint3 pydarknet_emu_thread_index, pydarknet_emu_block_index;
dim3 pydarknet_emu_block_size, pydarknet_emu_grid_size;
}

namespace pydarknet::emu {

Block block;

namespace {

Context host = nullptr;

// What the running thread did wrong. The host, which has a larger stack, makes a text of it.
struct Failure {
  std::string what;
  Place place, other;
  const char* tail;
};
std::optional<Failure> failure;

void go_on(Context* from) {
  block.running = block.ready[block.first_ready];
  block.first_ready = block.first_ready + 1 == block.size ? 0 : block.first_ready + 1;
  --block.count_ready;
  block.accesses = 0;
  pydarknet_emu_thread_index = block.current().index;
  switch_context(from, block.current().context);
}

// Everyone who has not ended waits.
[[noreturn]] void stuck() {
  while (block.current().state == State::kEnded) block.running = (block.running + 1) % block.size;
  fail(describe_stuck(block), block.current().site);
}

void run_thread() {
  block.launch->body(block.launch->call);
  block.current().state = State::kEnded;
  ++block.ended;
  leave_warp();
  if (block.count_ready) go_on(&block.current().context);
  if (block.ended < block.size) stuck();
  switch_context(&block.current().context, host);
}

void start_block(const Launch& launch, std::mt19937* random) {
  block.launch = &launch;
  block.size = launch.block.x * launch.block.y * launch.block.z;
  block.ended = block.at_barrier = block.first_ready = block.count_ready = 0;
  block.predicates = 0;
  block.threads.resize(block.size);
  block.ready.resize(block.size);
  for (unsigned i = 0; i < block.size; ++i) {
    const Stack memory = stack(i);
    const unsigned x = launch.block.x, y = launch.block.y;
    block.threads[i] = {make_context(memory.data, memory.bytes, &run_thread),
                        {i % x, i / x % y, i / (x * y)}};
    block.make_ready(i);
  }
  if (random) std::shuffle(block.ready.begin(), block.ready.end(), *random);
  start_warps(block.size);
  start_shared_block(launch.shared_bytes);
  drop_async_copies();
  order_block();
}

uint3 block_index(const Launch& launch, std::uint64_t number) {
  const std::uint64_t x = launch.grid.x, y = launch.grid.y;
  return {static_cast<unsigned>(number % x), static_cast<unsigned>(number / x % y),
          static_cast<unsigned>(number / (x * y))};
}

void run_block(const Launch& launch, std::uint64_t number, std::mt19937* random) {
  pydarknet_emu_block_index = block.index = block_index(launch, number);
  start_block(launch, random);
  watch_kernel();
  go_on(&host);
  watch_host();
  std::string what;
  if (failure) {
    const std::string then = failure->other.code ? " at " + text(failure->other) + failure->tail : "";
    what = describe(block, failure->what + then, failure->place);
  }
  block.launch = nullptr;
  failure.reset();
  if (!what.empty()) throw DeviceFailure(what);
}

void check_sizes(const Launch& launch) {
  const std::uint64_t threads = std::uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  const auto refuse = [&](const std::string& why) {
    throw DeviceFailure(std::string(launch.name) + ": " + why);
  };
  if (threads < 1 || threads > kMostThreads)
    refuse("a block of " + std::to_string(threads) + " threads, at most 1024");
  if (launch.grid.y > 65535 || launch.grid.z > 65535) refuse("the grid's y and z are 65535 at most");
  if (launch.grid.x > 2147483647u) refuse("the grid's x is 2147483647 at most");
  if (launch.block.z > 64) refuse("the block's z is 64 at most");
  if (launch.shared_bytes > kMostShared) refuse("more than 227 KiB of shared memory");
}

// Another number is another order of blocks, and of the threads of each.
unsigned seed() {
  const char* text = std::getenv("PYDARKNET_EMU_SEED");
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 0;
}

}  // namespace

void Block::make_ready(unsigned thread) {
  const unsigned last = first_ready + count_ready;
  ready[last < size ? last : last - size] = thread;
  ++count_ready;
  threads[thread].state = State::kReady;
}

void wait(State state, const char* name, Site site) {
  Thread& self = block.current();
  self.state = state;
  self.waits_in = name;
  self.site = site;
  if (!block.count_ready) stuck();
  go_on(&self.context);
}

void fail(const std::string& what, Place place, Place other, const char* tail) {
  failure = {what, place, other, tail};
  switch_context(&block.current().context, host);
  __builtin_unreachable();
}

int barrier(bool predicate, const char* name, Site site) {
  if (block.at_barrier) {
    check_barrier(block.threads[block.first_at_barrier], name, site);
  } else {
    block.first_at_barrier = block.running;
  }
  block.predicates += predicate;
  if (++block.at_barrier < block.size) {
    wait(State::kAtBarrier, name, site);
    return block.last_predicates;
  }
  block.at_barrier = 0;
  block.last_predicates = std::exchange(block.predicates, 0);
  order_barrier();
  for (unsigned i = 0; i < block.size; ++i) {
    if (i != block.running) block.make_ready(i);
  }
  return block.last_predicates;
}

void run(const Launch& launch) {
  take_host_fault();
  const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (!blocks) return;
  check_sizes(launch);
  pydarknet_emu_block_size = launch.block;
  pydarknet_emu_grid_size = launch.grid;
  start_shared_launch();
  order_launch();
  const unsigned chosen = seed();
  if (!chosen) {
    for (std::uint64_t i = 0; i < blocks; ++i) run_block(launch, i, nullptr);
    return;
  }
  std::mt19937 random(chosen);
  std::vector<std::uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  for (const std::uint64_t i : order) run_block(launch, i, &random);
}

}  // namespace pydarknet::emu
