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
  int parts;

  void run(int part) const { body(context, part, parts); }
};

class Pool {
 public:
  ~Pool() { stop(); }

  void run(Job job) {
    grow(job.parts - 1);
    job.parts = std::min(job.parts, static_cast<int>(workers_.size()) + 1);
    job_ = job;
    pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleep_);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    job.run(0);
    for (int i = 0; pending_.load(std::memory_order_acquire) != 0; ++i) {
      // A worker may be waiting for this very core.
      if (i < kSpins)
        pause_cpu();
      else
        std::this_thread::yield();
    }
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
  // Fewer than wanted where the system gives no more threads.
  void grow(int wanted) try {
    while (static_cast<int>(workers_.size()) < wanted) {
      const int part = static_cast<int>(workers_.size()) + 1;
      workers_.emplace_back([this, part, seen = generation_.load()] { work(part, seen); });
    }
  } catch (const std::system_error&) {
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

}  // namespace pydarknet
