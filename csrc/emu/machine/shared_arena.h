// Where shared memory lies: the dynamic part first, then each declaration, with gaps that nobody may touch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "emu/machine/order.h"

namespace pydarknet::emu {

// What an H100 grants a block.
inline constexpr std::size_t kMostShared = 227 << 10, kSharedArena = 2 * kMostShared;
alignas(128) extern unsigned char shared_arena[kSharedArena];

inline bool in_shared(std::uintptr_t address) {
  return address - reinterpret_cast<std::uintptr_t>(shared_arena) < kSharedArena;
}

void start_shared_launch();
// Everything is poisoned again, and counts as never written.
void start_shared_block(std::size_t dynamic_bytes);

void observe_shared(std::uintptr_t address, std::size_t bytes, Access access, Place place);

// cp.async: a write that nobody may look at before it has arrived.
void depart_to_shared(std::uintptr_t address, std::size_t bytes, Place place);
void arrive_in_shared(std::uintptr_t address, std::size_t bytes, Place place);

// Calls body(word, mask of its bytes) for the words that `bytes` from `offset` on cover, whole or in part.
template <class F>
void for_words(std::size_t offset, std::size_t bytes, F body) {
  const std::size_t end = offset + bytes;
  for (std::size_t word = offset / 4; word * 4 < end; ++word) {
    const unsigned from = word * 4 < offset ? offset - word * 4 : 0,
                   to = end < word * 4 + 4 ? end - word * 4 : 4;
    body(word, static_cast<std::uint8_t>((1u << to) - (1u << from)));
  }
}

}  // namespace pydarknet::emu
