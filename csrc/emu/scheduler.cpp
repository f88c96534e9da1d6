#include "emu/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

#include "emu/async_copy.h"
#include "emu/report.h"
#include "emu/shared_arena.h"
#include "emu/stacks.h"
#include "emu/synchronise.h"

// What kernels see as the constants threadIdx, blockIdx, blockDim and gridDim (emu/types.h).
extern "C" {
uint3 pydarknet_emu_thread_index, pydarknet_emu_block_index;
dim3 pydarknet_emu_block_size, pydarknet_emu_grid_size;
}

namespace pydarknet::emu {

Block block;

namespace {

Context host = nullptr;
std::string failure;

void go_on(Context* from) {
  block.running = block.ready[block.first];
  block.first = block.first + 1 == block.size ? 0 : block.first + 1;
  --block.count;
  pydarknet_emu_thread_index = block.current().index;
  switch_context(from, block.current().context);
}

// Everyone who has not ended waits.
[[noreturn]] void stuck() {
  const std::string what = describe_stuck(block);
  while (block.current().state == State::kEnded) block.running = (block.running + 1) % block.size;
  fail(what, block.current().site);
}

[[noreturn]] void end_thread() {
  block.current().state = State::kEnded;
  ++block.ended;
  if (block.count) go_on(&block.current().context);
  if (block.ended < block.size) stuck();
  switch_context(&block.current().context, host);
  __builtin_unreachable();
}

void run_thread() {
  block.launch->body(block.launch->call);
  end_thread();
}

unsigned seed() {
  const char* text = std::getenv("PYDARKNET_EMU_SEED");
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 0;
}

void start_block(const Launch& launch, std::mt19937* random) {
  block.launch = &launch;
  block.size = launch.block.x * launch.block.y * launch.block.z;
  block.ended = block.arrived = block.count = block.first = 0;
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
}

void run_block(const Launch& launch, std::uint64_t number, std::mt19937* random) {
  const std::uint64_t x = launch.grid.x, y = launch.grid.y;
  block.index = {static_cast<unsigned>(number % x), static_cast<unsigned>(number / x % y),
                 static_cast<unsigned>(number / (x * y))};
  pydarknet_emu_block_index = block.index;
  start_block(launch, random);
  start_shared_block(launch.shared_bytes);
  drop_async_copies();
  go_on(&host);
  block.launch = nullptr;
  if (!failure.empty()) throw DeviceFailure(std::exchange(failure, {}));
}

void check(const Launch& launch) {
  const std::uint64_t threads = std::uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  const auto refuse = [&](const std::string& why) {
    throw DeviceFailure(std::string(launch.name) + ": " + why);
  };
  if (threads > kMostThreads) refuse("a block of " + std::to_string(threads) + " threads, at most 1024");
  if (launch.grid.y > 65535 || launch.grid.z > 65535) refuse("the grid's y and z are 65535 at most");
  if (launch.grid.x > 2147483647u) refuse("the grid's x is 2147483647 at most");
  if (launch.block.z > 64) refuse("the block's z is 64 at most");
}

}  // namespace

void Block::make_ready(unsigned thread) {
  const unsigned last = first + count;
  ready[last < size ? last : last - size] = thread;
  ++count;
  threads[thread].state = State::kReady;
}

void wait(State state, const char* name, Site site) {
  Thread& self = block.current();
  self.state = state;
  self.waits_in = name;
  self.site = site;
  if (!block.count) stuck();
  go_on(&self.context);
}

void fail(const std::string& what, const std::string& place) {
  failure = describe(block, what, place);
  switch_context(&block.current().context, host);
  __builtin_unreachable();
}

void fail(const std::string& what, Site site) { fail(what, place_text(site)); }

int barrier(bool predicate, const char* name, Site site) {
  block.predicates += predicate;
  if (++block.arrived < block.size) {
    wait(State::kAtBarrier, name, site);
    return block.result;
  }
  check_barrier(block, name, site);
  block.arrived = 0;
  block.result = std::exchange(block.predicates, 0);
  for (unsigned i = 0; i < block.size; ++i) {
    if (i != block.running) block.make_ready(i);
  }
  return block.result;
}

void run(const Launch& launch) {
  const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (!blocks) return;
  check(launch);
  pydarknet_emu_block_size = launch.block;
  pydarknet_emu_grid_size = launch.grid;
  start_shared_launch();
  const unsigned chosen = seed();
  if (!chosen) {
    for (std::uint64_t i = 0; i < blocks; ++i) run_block(launch, i, nullptr);
    return;
  }
  std::mt19937 random(chosen);
  std::vector<std::uint64_t> order(blocks);
  for (std::uint64_t i = 0; i < blocks; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (const std::uint64_t i : order) run_block(launch, i, &random);
}

}  // namespace pydarknet::emu
