#include <cstdint>

#include "emu/machine/fiber.h"

extern "C" void pydarknet_emu_switch(pydarknet::emu::Context* from, pydarknet::emu::Context to);

// The registers that a called function must keep, by the System V ABI; the rest is the caller's own business.
__asm__(R"(
.text
.p2align 4
.hidden pydarknet_emu_switch
.globl pydarknet_emu_switch
.type pydarknet_emu_switch, @function
pydarknet_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size pydarknet_emu_switch, .-pydarknet_emu_switch
)");

namespace pydarknet::emu {

Context make_context(void* stack, std::size_t bytes, void (*entry)()) {
  constexpr int kSaved = 6;
  // `entry` starts as if it had been called: 8 past a multiple of 16, a return address of 0 on top.
  auto* top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(stack) + bytes);
  *--top = 0;
  *--top = reinterpret_cast<std::uintptr_t>(entry);
  for (int i = 0; i < kSaved; ++i) *--top = 0;
  return top;
}

void switch_context(Context* from, Context to) { pydarknet_emu_switch(from, to); }

}  // namespace pydarknet::emu
