#include <cstdlib>
#include <cstring>
#include <mutex>

#include "bindings/lib/arrays.h"
#include "emu/machine/memory.h"

namespace pydarknet::bindings {
namespace {

// The emulator runs one call at a time. Who waits for it must not hold the interpreter, which the call that
// runs needs to return.
std::mutex one_call;

bool contents_wanted() {
  const char* text = std::getenv("PYDARKNET_EMU_CONTENTS");
  return !text || std::strcmp(text, "0") != 0;
}

}  // namespace

const char* const kArrayInterface = "__array_interface__";
const char* const kArrayStruct = "__array_struct__";
// Like those of a GPU's where PYDARKNET_EMU_CONTENTS=0: then nothing but the kernels sees what lies in
// arrays.
const bool kContentsReadable = contents_wanted();
const std::uintptr_t kAlignment = kBlock * sizeof(float);

DeviceCall::DeviceCall() {
  WithoutGil release;
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
