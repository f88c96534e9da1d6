#include "shared/checksum.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "shared/threads.h"

namespace pydarknet {
namespace {

constexpr int kLanes = 64;                      // polynomials side by side, one for each word of a row
constexpr std::int64_t kRow = 4 * kLanes;       // bytes
constexpr std::int64_t kChunk = 1024 * kRow;    // bytes
constexpr std::uint32_t kFactor = 0x9E3779B1u;  // odd, so that every word counts whatever follows

std::uint64_t mixed(std::uint64_t sum, std::uint64_t value) {
  sum = (sum ^ value) * 0x9FB21C651E98DF25u;
  return sum ^ sum >> 32;
}

void add_row(const std::uint8_t* row, std::uint32_t* lanes) {
  std::uint32_t words[kLanes];
  std::memcpy(words, row, kRow);
  for (int i = 0; i < kLanes; ++i) lanes[i] = lanes[i] * kFactor + words[i];
}

std::uint64_t chunk_sum(const std::uint8_t* data, std::int64_t bytes) {
  std::uint32_t lanes[kLanes] = {};
  for (; bytes >= kRow; data += kRow, bytes -= kRow) add_row(data, lanes);
  if (bytes > 0) {
    std::uint8_t last[kRow] = {};
    std::memcpy(last, data, static_cast<std::size_t>(bytes));
    add_row(last, lanes);
  }
  std::uint64_t sum = 0;
  for (const std::uint32_t lane : lanes) sum = mixed(sum, lane);
  return sum;
}

}  // namespace

std::uint64_t checksum(const std::uint8_t* data, std::int64_t bytes) {
  const std::int64_t chunks = (bytes + kChunk - 1) / kChunk;
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      sums[i] = chunk_sum(data + i * kChunk, std::min(kChunk, bytes - i * kChunk));
    }
  });
  std::uint64_t sum = mixed(0, static_cast<std::uint64_t>(bytes));
  for (const std::uint64_t each : sums) sum = mixed(sum, each);
  return sum;
}

}  // namespace pydarknet
