#include "emu/memory.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "device_failure.h"
#include "emu/atomics.h"
#include "emu/launch.h"

namespace pydarknet {
namespace emu {

void note_array(const void*, std::size_t, bool) {}
void forget_arrays() {}

void* allocate(std::size_t bytes) {
  constexpr std::size_t kLine = 256;
  const std::size_t rounded = (bytes + kLine) / kLine * kLine;
  auto* data = static_cast<unsigned*>(std::aligned_alloc(kLine, rounded));
  if (!data) throw DeviceFailure("out of memory: " + std::to_string(bytes) + " bytes needed");
  for (std::size_t i = 0; i < rounded / sizeof *data; ++i) data[i] = kPoison;
  return data;
}

void release(void* data) { std::free(data); }

void observe_atomic(void*, std::size_t, Site) {}

}  // namespace emu

void copy_to_host(void* to, const void* from, std::size_t bytes, Stream) { std::memcpy(to, from, bytes); }
void copy_to_device(void* to, const void* from, std::size_t bytes, Stream) { std::memcpy(to, from, bytes); }
void copy_on_device(void* to, const void* from, std::size_t bytes, Stream) { std::memmove(to, from, bytes); }
void set_zero(void* to, std::size_t bytes, Stream) { std::memset(to, 0, bytes); }

}  // namespace pydarknet
