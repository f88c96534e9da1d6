// Where shared memory lies: the dynamic part first, then each declaration, with gaps that nobody may touch.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pydarknet::emu {

// What an H100 grants a block.
inline constexpr std::size_t kMostShared = 227 << 10;

void start_shared_launch();
// Everything is poisoned again.
void start_shared_block(std::size_t dynamic_bytes);

}  // namespace pydarknet::emu
