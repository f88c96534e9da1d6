#include "emu/vocabulary/shared.h"

#include <algorithm>
#include <string>
#include <vector>

#include "emu/machine/memory.h"
#include "emu/machine/scheduler.h"
#include "emu/machine/shared_arena.h"
#include "emu/machine/watch.h"

namespace pydarknet::emu {

alignas(128) unsigned char shared_arena[kSharedArena];

namespace {

constexpr std::size_t kGap = 128, kWords = kSharedArena / 4;

struct Piece {
  const char* name;
  std::size_t begin, bytes;
};
std::vector<Piece> pieces;  // of this launch; the first is the dynamic part
unsigned launch_number = 0;
std::size_t end = 0, used = 0;

// One bit for each byte of a word: part of a piece; written in this block; awaited by cp_async_wait.
struct Bytes {
  std::uint8_t exist : 4, written : 4, on_the_way : 4;
};
Bytes states[kWords];
History histories[kWords];

std::size_t offset_of(std::uintptr_t address) {
  return address - reinterpret_cast<std::uintptr_t>(shared_arena);
}

void make_fresh(const Piece& piece) {
  for_words(piece.begin, piece.bytes, [](std::size_t word, std::uint8_t mask) {
    reinterpret_cast<std::uint32_t*>(shared_arena)[word] = kPoison;
    states[word] = {mask, 0, 0};
  });
}

void place_piece(const char* name, std::size_t bytes, std::size_t alignment, Site site) {
  used += bytes;
  if (used > kMostShared || end + bytes + 2 * kGap > kSharedArena)
    fail("more than 227 KiB of shared memory", site);
  pieces.push_back({name, (end + alignment - 1) / alignment * alignment, bytes});
  end = pieces.back().begin + (bytes + 3) / 4 * 4 + kGap;
  make_fresh(pieces.back());
}

// "'tile' (4224 bytes), byte 4224": the piece before the address, or the first one.
std::string where(std::size_t offset) {
  const Piece* nearest = &pieces.front();
  for (const Piece& piece : pieces) {
    if (piece.bytes && piece.begin <= offset) nearest = &piece;
  }
  const auto byte = static_cast<std::ptrdiff_t>(offset) - static_cast<std::ptrdiff_t>(nearest->begin);
  return std::string("shared '") + nearest->name + "' (" + std::to_string(nearest->bytes) + " bytes), byte " +
         std::to_string(byte);
}

[[noreturn]] void fail_state(const Bytes& state, std::uint8_t mask, Access access, std::size_t offset,
                             std::size_t bytes, Place place) {
  const std::string what = ": " + text(access, bytes) + " of " + where(offset);
  if (mask & ~state.exist) fail("out of bounds" + what, place);
  if (mask & state.on_the_way) fail("missing cp_async_wait" + what + ", which is on its way", place);
  fail("uninitialised read" + what + ", which nobody has written", place);
}

void check_race(std::size_t word, const Event& now, std::size_t offset, std::size_t bytes) {
  const Event* then = race(histories[word], now, true);
  if (then) fail_race(now, *then, bytes, where(offset));
}

}  // namespace

void start_shared_launch() {
  ++launch_number;
  std::fill_n(states, end / 4, Bytes{});
  pieces.clear();
  end = kGap;
  used = 0;
}

void start_shared_block(std::size_t dynamic_bytes) {
  if (pieces.empty()) place_piece("dynamic shared memory", dynamic_bytes, kGap, Site::here());
  for (const Piece& piece : pieces) make_fresh(piece);
}

void* shared_data(SharedSlot& slot) {
  if (slot.launch != launch_number) {
    place_piece(slot.name, slot.bytes, slot.alignment, slot.site);
    slot.data = shared_arena + pieces.back().begin;
    slot.launch = launch_number;
  }
  return slot.data;
}

void* dynamic_shared_data() { return shared_arena + pieces.front().begin; }

void observe_shared(std::uintptr_t address, std::size_t bytes, Access access, Place place) {
  const std::size_t offset = offset_of(address);
  for_words(offset, bytes, [&](std::size_t word, std::uint8_t mask) {
    Bytes& state = states[word];
    const unsigned unwritten = access == Access::kWrite ? 0 : mask & ~state.written;
    if ((mask & ~state.exist) | (mask & state.on_the_way) | unwritten) {
      fail_state(state, mask, access, offset, bytes, place);
    }
    if (access != Access::kRead) state.written |= mask;
    check_race(word, event_now(access, mask, place), offset, bytes);
  });
}

void depart_to_shared(std::uintptr_t address, std::size_t bytes, Place place) {
  observe_shared(address, bytes, Access::kWrite, place);
  for_words(offset_of(address), bytes,
            [](std::size_t word, std::uint8_t mask) { states[word].on_the_way |= mask; });
}

void arrive_in_shared(std::uintptr_t address, std::size_t bytes, Place place) {
  for_words(offset_of(address), bytes, [&](std::size_t word, std::uint8_t mask) {
    states[word].on_the_way &= ~mask;
    histories[word].write = event_now(Access::kWrite, mask, place);
  });
}

}  // namespace pydarknet::emu
