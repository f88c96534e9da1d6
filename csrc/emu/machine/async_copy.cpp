#include "emu/vocabulary/async_copy.h"

#include <cstring>
#include <deque>
#include <vector>

#include "emu/machine/scheduler.h"
#include "emu/machine/shared_arena.h"
#include "emu/machine/watch.h"

namespace pydarknet::emu {
namespace {

struct Copy {
  void* to;
  const void* from;
  int bytes, read;  // the others are zeros
  Site site;
};

// Of each thread of the block: the copies not yet committed, and the groups on their way.
struct Queue {
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};
std::vector<Queue> queues(kMostThreads);

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

void arrive(const Copy& copy) {
  std::memcpy(copy.to, copy.from, copy.read);
  std::memset(static_cast<char*>(copy.to) + copy.read, 0, copy.bytes - copy.read);
  if (watching == Watching::kKernel) arrive_in_shared(number(copy.to), copy.bytes, place_of(copy.site));
}

}  // namespace

void async_copy(void* shared, const void* global, int bytes, int read, Site site) {
  if (number(shared) % bytes || (read && number(global) % bytes)) {
    fail("misaligned: cp_async" + std::to_string(bytes) + " needs addresses that are multiples of " +
             std::to_string(bytes),
         site);
  }
  if (!in_shared(number(shared))) fail("cp_async to an address that is not in shared memory", site);
  if (watching == Watching::kKernel) {
    if (read) observe(number(global), read, Access::kRead, place_of(site));
    depart_to_shared(number(shared), bytes, place_of(site));
  }
  queues[block.running].open.push_back({shared, global, bytes, read, site});
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
  for (unsigned i = 0; i < block.size; ++i) {
    queues[i].open.clear();
    queues[i].groups.clear();
  }
}

}  // namespace pydarknet::emu
