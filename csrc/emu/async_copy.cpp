#include "emu/async_copy.h"

#include <cstring>
#include <deque>
#include <vector>

#include "emu/scheduler.h"

namespace pydarknet::emu {
namespace {

struct Copy {
  void* to;
  const void* from;
  int bytes;
  bool valid;
};

// Of each thread of the block: the copies not yet committed, and the groups on their way.
struct Queue {
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};
std::vector<Queue> queues(kMostThreads);

void arrive(const Copy& copy) {
  if (copy.valid) {
    std::memcpy(copy.to, copy.from, copy.bytes);
  } else {
    std::memset(copy.to, 0, copy.bytes);
  }
}

}  // namespace

void async_copy(void* shared, const void* global, int bytes, bool valid, Site) {
  queues[block.running].open.push_back({shared, global, bytes, valid});
}

void async_commit() {
  Queue& queue = queues[block.running];
  queue.groups.push_back(std::move(queue.open));
  queue.open.clear();
}

void async_wait(int pending) {
  Queue& queue = queues[block.running];
  while (queue.groups.size() > static_cast<std::size_t>(pending)) {
    for (const Copy& copy : queue.groups.front()) arrive(copy);
    queue.groups.pop_front();
  }
}

void drop_async_copies() {
  for (unsigned i = 0; i < block.size; ++i) queues[i] = {};
}

}  // namespace pydarknet::emu
