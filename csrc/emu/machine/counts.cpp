#include "emu/machine/counts.h"

namespace pydarknet::emu {
namespace {

Counts counts{};  // one call runs at a time

}  // namespace

void count(std::int64_t Counts::* what, Stream stream) {
  ++(counts.*what);
  if (!stream.handle) ++counts.unordered;
}

}  // namespace pydarknet::emu

const pydarknet::emu::Counts* pydarknet_emu_counts() { return &pydarknet::emu::counts; }
