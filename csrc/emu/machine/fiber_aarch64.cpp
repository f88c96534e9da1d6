#include <cstdint>

#include "emu/machine/fiber.h"

extern "C" void pydarknet_emu_switch(pydarknet::emu::Context* from, pydarknet::emu::Context to);

// x19 to x30 and d8 to d15: what a called function must keep, by the procedure call standard.
__asm__(R"(
.text
.p2align 4
.hidden pydarknet_emu_switch
.globl pydarknet_emu_switch
.type pydarknet_emu_switch, %function
pydarknet_emu_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size pydarknet_emu_switch, .-pydarknet_emu_switch
)");

namespace pydarknet::emu {

Context make_context(void* stack, std::size_t bytes, void (*entry)()) {
  constexpr int kSaved = 20, kReturnAddress = 11;
  auto* top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(stack) + bytes) - kSaved;
  for (int i = 0; i < kSaved; ++i) top[i] = 0;
  top[kReturnAddress] = reinterpret_cast<std::uintptr_t>(entry);
  return top;
}

void switch_context(Context* from, Context to) { pydarknet_emu_switch(from, to); }

}  // namespace pydarknet::emu
