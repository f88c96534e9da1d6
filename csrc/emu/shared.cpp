#include "emu/shared.h"

#include <vector>

#include "emu/memory.h"
#include "emu/scheduler.h"
#include "emu/shared_arena.h"

namespace pydarknet::emu {
namespace {

constexpr std::size_t kGap = 128, kArena = 2 * kMostShared;
alignas(128) unsigned char arena[kArena];

struct Piece {
  std::size_t begin, bytes;
};
std::vector<Piece> pieces;  // of this launch; the first is the dynamic part
unsigned launch_number = 0;
std::size_t end = 0, used = 0;

void poison(Piece piece) {
  auto* words = reinterpret_cast<unsigned*>(arena + piece.begin);
  for (std::size_t i = 0; i < (piece.bytes + 3) / 4; ++i) words[i] = kPoison;
}

Piece place(std::size_t bytes, std::size_t alignment) {
  used += bytes;
  if (used > kMostShared || end + bytes + 2 * kGap > kArena) {
    fail("more than 227 KiB of shared memory", Site{"shared memory", 0});
  }
  const Piece piece{(end + alignment - 1) / alignment * alignment, bytes};
  end = (piece.begin + bytes + 3) / 4 * 4 + kGap;
  pieces.push_back(piece);
  poison(piece);
  return piece;
}

}  // namespace

void start_shared_launch() {
  ++launch_number;
  pieces.clear();
  end = kGap;
  used = 0;
}

void start_shared_block(std::size_t dynamic_bytes) {
  if (pieces.empty()) place(dynamic_bytes, kGap);
  for (const Piece& piece : pieces) poison(piece);
}

void* shared_data(SharedSlot& slot) {
  if (slot.launch != launch_number) {
    slot.data = arena + place(slot.bytes, slot.alignment).begin;
    slot.launch = launch_number;
  }
  return slot.data;
}

void* dynamic_shared_data() { return arena + pieces.front().begin; }

}  // namespace pydarknet::emu
