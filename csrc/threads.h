// A persistent pool and a static split. One parallel region runs at a time; a second caller that finds the
// pool busy works on its own thread, so several networks never oversubscribe the machine.
#pragma once
#include <cstdint>
#include <type_traits>

namespace pydarknet {

int num_threads();
// Takes effect at the next parallel region; values below 1 count as 1.
void set_num_threads(int count);

namespace detail {
using Body = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_for(std::int64_t items, std::int64_t grain, Body body, void* context);
}  // namespace detail

// Calls body(begin, end) over a static split of [0, items); a part has at least `grain` items.
template <class F>
void parallel_for(std::int64_t items, std::int64_t grain, F&& body) {
  using Fn = std::remove_reference_t<F>;
  detail::parallel_for(
      items, grain,
      [](void* context, std::int64_t begin, std::int64_t end) { (*static_cast<Fn*>(context))(begin, end); },
      const_cast<std::remove_const_t<Fn>*>(&body));
}

}  // namespace pydarknet
