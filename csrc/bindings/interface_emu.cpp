#include <mutex>

#include "bindings/arrays.h"
#include "emu/machine/memory.h"

namespace pydarknet::bindings {
namespace {

// The emulator runs one call at a time. Who waits for it must not hold the interpreter, which the call that
// runs needs to return.
std::mutex one_call;

}  // namespace

const char* const kArrayInterface = "__array_interface__";
const char* const kArrayStruct = "__array_struct__";
const bool kContentsReadable = true;
const std::uintptr_t kBlockedAlignment = kBlock * sizeof(float);

DeviceCall::DeviceCall() {
  py::gil_scoped_release release;
  one_call.lock();
  emu::start_call();
}
DeviceCall::~DeviceCall() {
  emu::end_call();
  one_call.unlock();
}
void note_array(const char* argument, const void* data, std::size_t bytes, bool writable) {
  emu::note_array(argument, data, bytes, writable);
}

}  // namespace pydarknet::bindings
