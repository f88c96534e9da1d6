// Shared memory: PYDARKNET_SHARED(type, name) inside a kernel, PYDARKNET_DYNAMIC_SHARED(T, name).
#pragma once
#include <cstddef>

#include "emu/machine/site.h"

namespace pydarknet::emu {

// One for each declaration and instantiation. The first thread of a launch that passes gives it its place.
struct SharedSlot {
  const char* name;
  std::size_t bytes, alignment;
  Site site;
  unsigned launch = 0;
  void* data = nullptr;
};
void* shared_data(SharedSlot& slot);
void* dynamic_shared_data();

}  // namespace pydarknet::emu

#define PYDARKNET_SHARED(type, name)                                                            \
  static ::pydarknet::emu::SharedSlot pydarknet_slot_##name{#name, sizeof(type), alignof(type), \
                                                            ::pydarknet::emu::Site::here()};    \
  type& name = *static_cast<type*>(::pydarknet::emu::shared_data(pydarknet_slot_##name))

#define PYDARKNET_DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(::pydarknet::emu::dynamic_shared_data())
