// A persistent pool and a static split. One parallel region runs at a time; a second caller that finds the
// pool busy works on its own thread, so several networks never oversubscribe the machine.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>

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

// Calls body(part, parts) for every part in [0, parts), each on a thread of its own; parts is at most
// `most` and num_threads(), and 1 where the pool is busy.
template <class F>
void parallel_parts(int most, F&& body) {
  using Fn = std::remove_reference_t<F>;
  detail::parallel_parts(
      most, [](void* context, int part, int parts) { (*static_cast<Fn*>(context))(part, parts); },
      const_cast<std::remove_const_t<Fn>*>(&body));
}

// The static split: part `part` of [0, items) begins here, and ends where the next begins.
inline std::int64_t part_begin(std::int64_t items, int part, int parts) { return items * part / parts; }

// Calls body(begin, end) over a static split of [0, items); a part has at least `grain` items.
template <class F>
void parallel_for(std::int64_t items, std::int64_t grain, F&& body) {
  const std::int64_t most = items / (grain > 1 ? grain : 1);
  parallel_parts(static_cast<int>(std::clamp<std::int64_t>(most, 1, kMaxThreads)), [&](int part, int parts) {
    const std::int64_t begin = part_begin(items, part, parts), end = part_begin(items, part + 1, parts);
    if (begin < end) body(begin, end);
  });
}

}  // namespace pydarknet
