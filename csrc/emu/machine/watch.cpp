#include "emu/machine/watch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "emu/machine/memory.h"
#include "emu/machine/scheduler.h"
#include "emu/machine/shared_arena.h"
#include "emu/vocabulary/atomics.h"
#include "shared/device_failure.h"

namespace pydarknet::emu {

Watching watching = Watching::kNothing;

namespace {

std::string host_fault;

// More than any thread needs from one barrier to the next: it polls, but only a barrier lets others go on.
constexpr std::uint64_t kMostAccesses = 1 << 28;

bool is_parameter(std::uintptr_t address) {
  return address - reinterpret_cast<std::uintptr_t>(block.launch->call) < block.launch->call_bytes;
}

void check_poison(const Array& array, std::uintptr_t address, std::size_t bytes, Place place) {
  for (std::uintptr_t word = (address + 3) & ~std::uintptr_t{3}; word + 4 <= address + bytes; word += 4) {
    std::uint32_t value;
    std::memcpy(&value, reinterpret_cast<const void*>(word), sizeof value);
    if (value != kPoison) continue;
    fail("uninitialised read: " + text(Access::kRead, bytes) + " of '" + array.name + "' at byte " +
             std::to_string(address - array.begin) + ", which nobody has written",
         place);
  }
}

void observe_global(std::uintptr_t address, std::size_t bytes, Access access, Place place) {
  Array* array = array_at(address, bytes);
  if (!array) {
    if (access == Access::kRead && (image().holds(address) || is_parameter(address))) return;
    fail("out of bounds: " + text(access, bytes) + " of " + whereabouts(address), place);
  }
  if (access != Access::kWrite) check_poison(*array, address, bytes, place);
  if (!array->histories) {
    if (access == Access::kRead) return;
    fail(text(access, bytes) + " of '" + array->name + "', which this op may only read", place);
  }
  for_words(address - (array->begin & ~std::uintptr_t{3}), bytes, [&](std::size_t word, std::uint8_t mask) {
    const Event now = event_now(access, mask, place);
    const Event* then = race(array->histories[word], now, false);
    if (then)
      fail_race(now, *then, bytes, "'" + array->name + "', byte " + std::to_string(address - array->begin));
  });
}

}  // namespace

bool checks_wanted() {
  const char* text = std::getenv("PYDARKNET_EMU_CHECKS");
  return !text || std::strcmp(text, "0") != 0;
}

void watch_nothing() { watching = Watching::kNothing; }
void watch_host() { watching = checks_wanted() ? Watching::kHost : Watching::kNothing; }
void watch_kernel() { watching = checks_wanted() ? Watching::kKernel : Watching::kNothing; }

void observe(std::uintptr_t address, std::size_t bytes, Access access, Place place) {
  if (++block.accesses > kMostAccesses) fail("deadlock: the thread goes on and on and never waits", place);
  if (in_shared(address)) return observe_shared(address, bytes, access, place);
  observe_global(address, bytes, access, place);
}

void observe_host(std::uintptr_t address, std::size_t bytes, Place place) {
  const Array* array = host_fault.empty() ? array_at(address, bytes) : nullptr;
  if (array)
    host_fault = "host code touches '" + array->name + "', which lies on the device, at " + text(place);
}

void take_host_fault() {
  if (!host_fault.empty()) throw DeviceFailure(std::exchange(host_fault, {}));
}

void observe_atomic(void* address, std::size_t bytes, Site site) {
  if (watching != Watching::kKernel) return;
  observe(reinterpret_cast<std::uintptr_t>(address), bytes, Access::kAtomic, place_of(site));
}

std::string text(Access access, std::size_t bytes) {
  constexpr const char* kVerbs[] = {"reads ", "writes ", "updates "};
  return kVerbs[static_cast<int>(access)] + std::to_string(bytes) + " bytes";
}

void fail_race(const Event& now, const Event& then, std::size_t bytes, const std::string& what) {
  constexpr const char* kPast[] = {"read", "wrote", "updated"};
  const bool here = now.block == then.block;
  const uint3 i = here ? block.threads[then.thread].index : uint3{};
  const std::string who = !here ? "another block"
                                : "thread (" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " +
                                      std::to_string(i.z) + ")";
  fail("race: " + text(now.access, bytes) + " of " + what + ", that " + who + " " +
           kPast[static_cast<int>(then.access)],
       now.place, then.place, here ? " with no barrier between" : " in the same launch");
}

}  // namespace pydarknet::emu
