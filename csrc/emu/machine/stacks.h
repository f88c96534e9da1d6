// Stacks of the fibers, kept from launch to launch: one range of addresses, so that a glance tells whether an
// address is on one of them. Below each lies a page that may not be touched.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pydarknet::emu {

inline constexpr std::size_t kStackBytes = 64 << 10;

extern std::uintptr_t stacks_begin;  // 0 before the first launch
extern const std::size_t kStacksBytes;

// The lowest usable address of stack `index`, its usable size. Throws DeviceFailure if memory is out.
struct Stack {
  void* data;
  std::size_t bytes;
};
Stack stack(unsigned index);

inline bool on_a_stack(std::uintptr_t address) { return address - stacks_begin < kStacksBytes; }

}  // namespace pydarknet::emu
