// For processors without a switch of their own: right, but slow.
#include <ucontext.h>

#include <new>

#include "emu/machine/fiber.h"

namespace pydarknet::emu {

// The ucontext_t of a suspended flow lies at the bottom of the fiber's stack, or for the host in `host`.
Context make_context(void* stack, std::size_t bytes, void (*entry)()) {
  auto* context = new (stack) ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = context + 1;
  context->uc_stack.ss_size = bytes - sizeof *context;
  context->uc_link = nullptr;
  makecontext(context, entry, 0);
  return context;
}

void switch_context(Context* from, Context to) {
  static ucontext_t host;
  if (!*from) *from = &host;
  swapcontext(static_cast<ucontext_t*>(*from), static_cast<ucontext_t*>(to));
}

}  // namespace pydarknet::emu
