// Kernels are compiled with -fsanitize=thread,alignment, but its runtimes are not linked: the functions that
// such code calls before every load and store are these.
#include <cstdint>
#include <string>

#include "emu/machine/place.h"
#include "emu/machine/scheduler.h"
#include "emu/machine/stacks.h"
#include "emu/machine/watch.h"

namespace pydarknet::emu {
namespace {

inline void hook(void* pointer, std::size_t bytes, Access access, const void* instruction) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (watching == Watching::kNothing || on_a_stack(address)) return;
  if (watching == Watching::kKernel) return observe(address, bytes, access, place_of(instruction));
  observe_host(address, bytes, place_of(instruction));
}

}  // namespace
}  // namespace pydarknet::emu

using pydarknet::emu::Access;

#define PYDARKNET_HOOK(name, bytes, access) \
  void name(void* address) { pydarknet::emu::hook(address, bytes, access, __builtin_return_address(0)); }
#define PYDARKNET_HOOKS(bytes)                                         \
  PYDARKNET_HOOK(__tsan_read##bytes, bytes, Access::kRead)             \
  PYDARKNET_HOOK(__tsan_write##bytes, bytes, Access::kWrite)           \
  PYDARKNET_HOOK(__tsan_unaligned_read##bytes, bytes, Access::kRead)   \
  PYDARKNET_HOOK(__tsan_unaligned_write##bytes, bytes, Access::kWrite) \
  PYDARKNET_HOOK(__tsan_volatile_read##bytes, bytes, Access::kRead)    \
  PYDARKNET_HOOK(__tsan_volatile_write##bytes, bytes, Access::kWrite)

// Host code's statics and counters; kernels have atomicAdd and the like.
#define PYDARKNET_ATOMIC_HOOKS(bits, T)                             \
  T __tsan_atomic##bits##_load(const volatile T* from, int) {       \
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);                 \
  }                                                                 \
  void __tsan_atomic##bits##_store(volatile T* to, T value, int) {  \
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);                  \
  }                                                                 \
  T __tsan_atomic##bits##_fetch_add(volatile T* to, T value, int) { \
    return __atomic_fetch_add(to, value, __ATOMIC_SEQ_CST);         \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

PYDARKNET_HOOKS(1)
PYDARKNET_HOOKS(2)
PYDARKNET_HOOKS(4)
PYDARKNET_HOOKS(8)
PYDARKNET_HOOKS(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  pydarknet::emu::hook(address, bytes, Access::kRead, __builtin_return_address(0));
}
void __tsan_write_range(void* address, std::size_t bytes) {
  pydarknet::emu::hook(address, bytes, Access::kWrite, __builtin_return_address(0));
}

PYDARKNET_ATOMIC_HOOKS(8, std::uint8_t)
PYDARKNET_ATOMIC_HOOKS(32, std::uint32_t)
PYDARKNET_ATOMIC_HOOKS(64, std::uint64_t)

// As the compiler lays them out.
struct AlignmentFault {
  const char* file;
  int line, column;
  const struct {
    std::uint16_t kind, info;
    char name[1];
  }* type;
  unsigned char log_alignment, kind;
};

void __ubsan_handle_type_mismatch_v1(AlignmentFault* fault, std::uintptr_t) {
  if (!pydarknet::emu::block.launch) return;
  pydarknet::emu::fail(std::string("misaligned: ") + fault->type->name +
                           " needs an address that is a multiple of " +
                           std::to_string(1 << fault->log_alignment),
                       pydarknet::emu::Site{fault->file, fault->line});
}
}
