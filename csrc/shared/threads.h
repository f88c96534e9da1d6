// A persistent pool. One parallel region runs at a time; a second caller that finds the pool busy works on
// its own thread, so several networks never oversubscribe the machine. Work is split evenly, and finer than
// over the threads: who is through with its share takes from those of others, whose cores may have other
// work.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace pydarknet {

constexpr int kMaxThreads = 1024;

// Those of the calling thread's next region.
int num_threads();
// Takes effect at the next parallel region; values below 1 count as 1, those above kMaxThreads as that.
void set_num_threads(int count);
// At most so many for regions that the calling thread begins, where it works beside others; 0: no limit.
void limit_threads(int count);

namespace detail {
using Body = void (*)(void* context, int part, int parts);
void parallel_parts(int most, Body body, void* context);
}  // namespace detail

// Calls body(part, parts) once for every part in [0, parts), no two at a time on one thread; parts is at most
// `most` and num_threads(), and 1 where the pool is busy.
template <class F>
void parallel_parts(int most, F&& body) {
  using Fn = std::remove_reference_t<F>;
  detail::parallel_parts(
      most, [](void* context, int part, int parts) { (*static_cast<Fn*>(context))(part, parts); },
      const_cast<std::remove_const_t<Fn>*>(&body));
}

// The even split: part `part` of [0, items) begins here, and ends where the next begins.
inline std::int64_t part_begin(std::int64_t items, int part, int parts) { return items * part / parts; }

// Tasks [0, count), of which each part of a region has a share.
class Tasks {
 public:
  Tasks(std::int64_t count, int parts);
  // The next task of the part's own share, then of the others'; -1 when all are taken.
  std::int64_t take(int part);

 private:
  struct alignas(64) Share {  // a cache line of its own
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };
  std::vector<Share> shares_;
};

// Tasks for each thread, at least, where there is a choice: one that comes late leaves most of them to
// others.
constexpr int kTasksEach = 8;

// Calls body(begin, end) over pieces of [0, items), of at least `grain` items each.
template <class F>
void parallel_for(std::int64_t items, std::int64_t grain, F&& body) {
  if (items <= 0) return;
  const int most =
      static_cast<int>(std::clamp<std::int64_t>(items / std::max<std::int64_t>(grain, 1), 1, kMaxThreads));
  const int threads = std::min(most, num_threads());
  if (threads == 1) return body(std::int64_t{0}, items);
  const int pieces = std::min(most, threads * kTasksEach);
  Tasks tasks(pieces, threads);
  parallel_parts(threads, [&](int part, int) {
    for (std::int64_t i; (i = tasks.take(part)) >= 0;) {
      body(part_begin(items, static_cast<int>(i), pieces),
           part_begin(items, static_cast<int>(i) + 1, pieces));
    }
  });
}

}  // namespace pydarknet
