#include "bindings/lib/arrays.h"

namespace pydarknet::bindings {

const char* const kArrayInterface = "__array_interface__";
const char* const kArrayStruct = "__array_struct__";
const bool kContentsReadable = true;
const std::uintptr_t kAlignment = alignof(float);

DeviceCall::DeviceCall() {}
DeviceCall::~DeviceCall() {}
void note_array(const char*, const void*, std::size_t, bool) {}

}  // namespace pydarknet::bindings
