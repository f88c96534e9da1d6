// A checksum of memory: to know files again, and to see that they are whole.
#pragma once
#include <cstdint>

namespace pydarknet {

// Of `bytes` bytes; the same for every instruction set and number of threads, and as fast as memory is read.
// It finds every change of a single word, and tells accidents, not attacks.
std::uint64_t checksum(const std::uint8_t* data, std::int64_t bytes);

}  // namespace pydarknet
