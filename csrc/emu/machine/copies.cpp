#include <cstring>
#include <string>

#include "emu/machine/counts.h"
#include "emu/machine/watch.h"
#include "emu/vocabulary/launch.h"

namespace pydarknet {
namespace {

// On the device, as far as this process knows.
void check(const void* data, std::size_t bytes, bool written, const char* name) {
  emu::take_host_fault();
  if (emu::watching == emu::Watching::kNothing || !bytes) return;
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const emu::Array* array = emu::array_at(address, bytes);
  if (!array) throw DeviceFailure(std::string(name) + ": " + emu::whereabouts(address));
  if (written && !array->writable) {
    throw DeviceFailure(std::string(name) + ": writes '" + array->name + "', which this op may only read");
  }
}

}  // namespace

void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream) {
  emu::count(&emu::Counts::waits, stream);
  check(from, bytes, false, "copy_to_host");
  std::memcpy(to, from, bytes);
}
void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  emu::count(&emu::Counts::copies_in, stream);
  check(to, bytes, true, "copy_to_device");
  std::memcpy(to, from, bytes);
}
void copy_on_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  emu::count(&emu::Counts::launches, stream);
  check(from, bytes, false, "copy_on_device");
  check(to, bytes, true, "copy_on_device");
  std::memmove(to, from, bytes);
}
void set_zero(void* to, std::size_t bytes, Stream stream) {
  emu::count(&emu::Counts::launches, stream);
  check(to, bytes, true, "set_zero");
  std::memset(to, 0, bytes);
}

}  // namespace pydarknet
