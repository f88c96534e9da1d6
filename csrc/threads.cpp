#include "threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace pydarknet {
namespace {

// Spins before sleeping: layers follow each other within microseconds, a wake-up costs tens of them.
constexpr int kSpins = 4000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

struct Job {
  detail::Body body;
  void* context;
  std::int64_t items;
  int parts;

  void run(int part) const {
    const std::int64_t begin = items * part / parts, end = items * (part + 1) / parts;
    if (begin < end) body(context, begin, end);
  }
};

class Pool {
 public:
  ~Pool() { stop(); }

  void run(const Job& job) {
    grow(job.parts - 1);
    job_ = job;
    pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleep_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.run(0);
    while (pending_.load(std::memory_order_acquire) != 0) pause_cpu();
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(sleep_);
      stopping_ = true;
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    stopping_ = false;
  }

 private:
  void grow(int wanted) {
    while (static_cast<int>(workers_.size()) < wanted) {
      const int part = static_cast<int>(workers_.size()) + 1;
      workers_.emplace_back([this, part, seen = generation_.load()] { work(part, seen); });
    }
  }

  void work(int part, std::uint64_t seen) {
    for (;;) {
      for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause_cpu();
      if (generation_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      if (part < job_.parts) job_.run(part);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  std::vector<std::thread> workers_;
  std::mutex sleep_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<bool> stopping_{false};
  Job job_{};
};

std::atomic<int> wanted_threads{1};
std::mutex busy;
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

int num_threads() { return wanted_threads.load(); }
void set_num_threads(int count) { wanted_threads.store(std::max(1, count)); }

void detail::parallel_for(std::int64_t items, std::int64_t grain, Body body, void* context) {
  const std::int64_t most = std::max<std::int64_t>(1, items / std::max<std::int64_t>(1, grain));
  const int parts = static_cast<int>(std::min<std::int64_t>(num_threads(), most));
  std::unique_lock<std::mutex> lock(busy, std::defer_lock);
  if (parts <= 1 || !lock.try_lock()) {
    if (items > 0) body(context, 0, items);
    return;
  }
  the_pool().run({body, context, items, parts});
}

}  // namespace pydarknet
