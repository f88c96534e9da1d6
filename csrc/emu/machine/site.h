#pragma once

namespace pydarknet::emu {

// A place in the source. Used as a default argument it is the caller's.
struct Site {
  const char* file;
  int line;

  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace pydarknet::emu
