// Threads that work on one thing together. What is written for a thread group runs on one thread of the CPU
// and on a block of a GPU (csrc/cuda/lib/thread_block.h): each member takes every size()-th item, beginning
// with its rank.
#pragma once
#include <cstdint>

#include "host_device.h"

namespace pydarknet {

struct OneThread {
  PYDARKNET_DEVICE static constexpr int rank() { return 0; }
  PYDARKNET_DEVICE static constexpr int size() { return 1; }
  // Until all have come, and see what the others have written.
  PYDARKNET_DEVICE void wait() const {}
  // Of what the members give; all get it.
  PYDARKNET_DEVICE double sum(double value) const { return value; }
  PYDARKNET_DEVICE double highest(double value) const { return value; }
  // Calls body(i, rank, size) for those of [0, count) that are marked, with some members for each.
  template <class Marked, class Body>
  PYDARKNET_DEVICE void for_marked(std::int64_t count, Marked&& marked, Body&& body) const {
    for (std::int64_t i = 0; i < count; ++i) {
      if (marked(i)) body(i, 0, 1);
    }
  }
};

}  // namespace pydarknet
