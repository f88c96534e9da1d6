#include "emu/machine/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "emu/machine/watch.h"
#include "shared/device_failure.h"

namespace pydarknet::emu {
namespace {

std::vector<Array> arrays;  // writable ones first
std::size_t last_found = 0;

// Histories of all writable arrays, one after another. Only what is touched takes memory; what an earlier
// launch left there is in the past of all later ones, so nobody needs to clear it.
constexpr std::size_t kMostWords = std::size_t{1} << 30;
std::size_t words_used = 0;

History* histories_for(std::size_t bytes) {
  static void* const pool = mmap(nullptr, kMostWords * sizeof(History), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const std::size_t words = bytes / 4 + 2;
  if (pool == MAP_FAILED || words > kMostWords - words_used) {
    throw DeviceFailure("no room to watch the arrays: PYDARKNET_EMU_CHECKS=0 runs without watching");
  }
  words_used += words;
  return static_cast<History*>(pool) + words_used - words;
}

}  // namespace

void start_call() { watch_host(); }

void note_array(const char* name, const void* data, std::size_t bytes, bool writable) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  if (!bytes) return;
  const Array array{begin, begin + bytes, writable, name,
                    writable && checks_wanted() ? histories_for(bytes) : nullptr};
  arrays.insert(writable ? arrays.begin() : arrays.end(), array);
  last_found = 0;
}

void end_call() {
  arrays.clear();
  words_used = 0;
  watch_nothing();
}

Array* array_at(std::uintptr_t address, std::size_t bytes) {
  const auto holds = [&](const Array& a) { return address >= a.begin && address + bytes <= a.end; };
  if (last_found < arrays.size() && arrays[last_found].writable && holds(arrays[last_found]))
    return &arrays[last_found];
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (!holds(arrays[i])) continue;
    last_found = i;
    return &arrays[i];
  }
  return nullptr;
}

std::string whereabouts(std::uintptr_t address) {
  std::string text = "an address far from all arrays of this call";
  std::uintptr_t nearest = 1 << 20;
  for (const Array& a : arrays) {
    const std::uintptr_t distance = address < a.begin ? a.begin - address
                                    : address < a.end ? 0
                                                      : address - a.end;
    if (distance >= nearest) continue;
    nearest = distance;
    text = "'" + a.name + "' (" + std::to_string(a.end - a.begin) + " bytes), byte " +
           std::to_string(static_cast<std::ptrdiff_t>(address - a.begin));
  }
  return text;
}

void* allocate(std::size_t bytes) {
  constexpr std::size_t kLine = 256;  // cudaMalloc's alignment; one line more is a gap between allocations
  const std::size_t rounded = (bytes + 2 * kLine - 1) / kLine * kLine;
  auto* data = static_cast<std::uint32_t*>(std::aligned_alloc(kLine, rounded));
  if (!data) throw DeviceFailure("out of memory: scratch memory of " + std::to_string(bytes) + " bytes");
  std::fill_n(data, rounded / sizeof *data, kPoison);
  note_array("scratch memory", data, bytes, true);
  return data;
}

void release(void* data) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const auto noted =
      std::find_if(arrays.begin(), arrays.end(), [&](const Array& a) { return a.begin == begin; });
  if (noted != arrays.end()) arrays.erase(noted);
  last_found = 0;
  std::free(data);
}

}  // namespace pydarknet::emu
