// The checks of memory: every load and store of a kernel comes through observe().
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "emu/machine/order.h"

namespace pydarknet::emu {

enum class Watching : unsigned char { kNothing, kHost, kKernel };
extern Watching watching;

// Unless PYDARKNET_EMU_CHECKS=0.
bool checks_wanted();

void watch_nothing();
void watch_host();
void watch_kernel();

// A kernel loads, stores or does both at once. Reports what is wrong with it.
void observe(std::uintptr_t address, std::size_t bytes, Access access, Place place);
// Host code of this module loads or stores. What is wrong is thrown by the next take_host_fault().
void observe_host(std::uintptr_t address, std::size_t bytes, Place place);
void take_host_fault();

// "reads 4 bytes"
std::string text(Access access, std::size_t bytes);
// Fails because of the race of `now` with `then` on `what`.
[[noreturn]] void fail_race(const Event& now, const Event& then, std::size_t bytes, const std::string& what);

}  // namespace pydarknet::emu
