#include "shared/threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace pydarknet {
namespace {

// Spins before sleeping: layers follow each other within microseconds, a wake-up costs tens of them. Who
// sleeps leaves a core to whoever waits for one.
constexpr int kSpins = 4000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct Job {
  detail::Body body;
  void* context;
  int parts;

  void run(int part) const { body(context, part, parts); }
};

// Threads come to a region while it is open, and take parts of it. It never waits for one that doesn't come,
// since another process has its core: the others take its part.
class Pool {
 public:
  void run(Job job) {
    grow(job.parts - 1);
    job.parts = std::min(job.parts, workers_ + 1);
    job_ = job;
    next_part_.store(1, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleep_);
      gate_.fetch_add(3 * kOpen);
    }
    wake_.notify_all();
    job.run(0);
    take_parts();
    if (inside(gate_.fetch_and(~kOpen)) > 0) wait([this] { return inside(gate_.load()) == 0; }, left_);
  }

 private:
  // The gate: how many threads are inside; from kOpen's bit on, whether it is open, and which region it is.
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 32;
  static std::uint64_t inside(std::uint64_t gate) { return gate % kOpen; }

  // Fewer than wanted where the system gives no more threads.
  void grow(int wanted) try {
    for (; workers_ < wanted; ++workers_) std::thread([this] { work(); }).detach();
  } catch (const std::system_error&) {
  }

  void work() {
    for (std::uint64_t seen = 0;;) {
      wait([&] { return opened_since(seen, gate_.load()); }, wake_);
      std::uint64_t gate = gate_.load();
      while (opened_since(seen, gate) && !gate_.compare_exchange_weak(gate, gate + 1)) {
      }
      if (!opened_since(seen, gate)) continue;
      seen = gate / kOpen;
      take_parts();
      if (const std::uint64_t after = gate_.fetch_sub(1) - 1; inside(after) == 0 && !(after & kOpen)) {
        std::lock_guard<std::mutex> lock(sleep_);
        left_.notify_one();
      }
    }
  }

  static bool opened_since(std::uint64_t seen, std::uint64_t gate) {
    return (gate & kOpen) && gate / kOpen != seen;
  }

  void take_parts() {
    for (int part; (part = next_part_.fetch_add(1)) < job_.parts;) job_.run(part);
  }

  template <class Ready>
  void wait(const Ready& ready, std::condition_variable& changed) {
    for (int i = 0; i < kSpins; ++i, pause_cpu()) {
      if (ready()) return;
    }
    std::unique_lock<std::mutex> lock(sleep_);
    changed.wait(lock, ready);
  }

  int workers_ = 0;
  std::mutex sleep_;
  std::condition_variable wake_, left_;
  std::atomic<std::uint64_t> gate_{0};
  std::atomic<int> next_part_{0};
  Job job_{};
};

std::atomic<int> wanted_threads{1};
std::mutex busy;
// Locking `busy` again from the thread that holds it would be undefined.
thread_local bool inside_region = false;
thread_local int own_limit = kMaxThreads;
Pool* pool = nullptr;

// A forked child has none of the parent's threads: it starts over, and leaks the parent's pool on purpose.
void after_fork() {
  pool = nullptr;
  new (&busy) std::mutex;
}

Pool& the_pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, after_fork);
  (void)registered;
  if (!pool) pool = new Pool;
  return *pool;
}

}  // namespace

int num_threads() { return std::min(wanted_threads.load(), own_limit); }
void set_num_threads(int count) { wanted_threads.store(std::clamp(count, 1, kMaxThreads)); }

void limit_threads(int count) { own_limit = count < 1 ? kMaxThreads : count; }

void detail::parallel_parts(int most, Body body, void* context) {
  const int parts = std::min(num_threads(), most);
  std::unique_lock<std::mutex> lock(busy, std::defer_lock);
  if (parts <= 1 || inside_region || !lock.try_lock()) return body(context, 0, 1);
  inside_region = true;
  the_pool().run({body, context, parts});
  inside_region = false;
}

Tasks::Tasks(std::int64_t count, int parts) : shares_(std::max(parts, 1)) {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    shares_[i].next = part_begin(count, static_cast<int>(i), parts);
    shares_[i].end = part_begin(count, static_cast<int>(i) + 1, parts);
  }
}

std::int64_t Tasks::take(int part) {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    Share& share = shares_[(part + i) % shares_.size()];
    if (share.next.load(std::memory_order_relaxed) >= share.end) continue;
    const std::int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
    if (task < share.end) return task;
  }
  return -1;
}

}  // namespace pydarknet
