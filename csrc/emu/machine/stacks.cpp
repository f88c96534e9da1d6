#include "emu/machine/stacks.h"

#include <sys/mman.h>
#include <unistd.h>

#include "emu/machine/scheduler.h"
#include "shared/device_failure.h"

namespace pydarknet::emu {

std::uintptr_t stacks_begin = 0;
const std::size_t kStacksBytes = kMostThreads * kStackBytes;

Stack stack(unsigned index) {
  const auto guard = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (!stacks_begin) {
    void* memory = mmap(nullptr, kStacksBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw DeviceFailure("no memory for the stacks of the emulated threads");
    stacks_begin = reinterpret_cast<std::uintptr_t>(memory);
    for (unsigned i = 0; i < kMostThreads; ++i) {
      mprotect(static_cast<char*>(memory) + i * kStackBytes, guard, PROT_NONE);
    }
  }
  return {reinterpret_cast<char*>(stacks_begin) + index * kStackBytes + guard, kStackBytes - guard};
}

}  // namespace pydarknet::emu
