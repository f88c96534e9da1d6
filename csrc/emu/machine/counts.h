// What host code has asked of the device since the module was loaded. Tests read it, to find hidden waits.
#pragma once
#include <cstdint>

#include "ops/tensor.h"

namespace pydarknet::emu {

struct Counts {
  std::int64_t launches;     // with copies and fills on the device
  std::int64_t waits;        // copies to the host, the only thing here that waits
  std::int64_t copies_in;    // from the host
  std::int64_t allocations;  // scratch memory
  std::int64_t unordered;    // which of all these were on the default stream
};

void count(std::int64_t Counts::* what, Stream stream);

}  // namespace pydarknet::emu

// By this name, since the table of ops is the same in all extensions.
extern "C" __attribute__((visibility("default"))) const pydarknet::emu::Counts* pydarknet_emu_counts();
