// Views of activations in bytes or in BF16.
#pragma once
#include "bindings/lib/checks.h"
#include "ops/cpu/bf16.h"
#include "ops/cpu/int8.h"

namespace pydarknet::bindings {

// Blocked elements of this many lanes, those of the element if none are given.
template <class T>
NarrowOf<T> narrow_view(py::handle object, Where where, int lanes = kNarrowBlock<T>) {
  const RawArray a = raw_array(object, sizeof(T) == 1 ? "|u1" : "<u2", !std::is_const_v<T>, where);
  if (a.ndim != 5 || a.shape[4] != lanes) {
    where.fail("expected blocks of " + std::to_string(lanes) + " channels");
  }
  for (int i = 0; i < 5; ++i) expect_range(a.shape[i], 1, kLargest, where);
  const auto at = [&](int i) { return static_cast<int>(a.shape[i]); };
  return {static_cast<T*>(a.data), at(0), at(1), at(2), at(3), lanes};
}

template <class T>
void expect_narrow(const NarrowOf<T>& found, int n, int blocks, std::int64_t h, std::int64_t w, Where where) {
  if (found.n == n && found.blocks == blocks && found.h == h && found.w == w) return;
  where.fail("expected shape " + shape_text({n, blocks, h, w, found.lanes}) + ", found " +
             shape_text({found.n, found.blocks, found.h, found.w, found.lanes}));
}
template <class T>
void expect_narrow_like(const NarrowOf<T>& found, const NarrowOf<const std::remove_const_t<T>>& x,
                        Where where) {
  expect_narrow(found, x.n, x.blocks, x.h, x.w, where);
}

// Bytes of an array's elements, by which it is told which type is meant; 0 if it doesn't say.
inline int item_bytes(py::handle array) {
  const auto bytes = py::getattr(array, "itemsize", py::none());
  return bytes.is_none() ? 0 : bytes.cast<int>();
}

}  // namespace pydarknet::bindings
