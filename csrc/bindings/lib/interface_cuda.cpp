#include "bindings/lib/arrays.h"

namespace pydarknet::bindings {

const char* const kArrayInterface = "__cuda_array_interface__";
const char* const kArrayStruct = nullptr;
const bool kContentsReadable = false;
const std::uintptr_t kAlignment = kBlock * sizeof(float);

DeviceCall::DeviceCall() {}
DeviceCall::~DeviceCall() {}
void note_array(const char*, const void*, std::size_t, bool) {}

}  // namespace pydarknet::bindings
