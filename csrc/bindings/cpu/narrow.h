// Views of activations in bytes or in BF16.
#pragma once
#include "bindings/lib/checks.h"
#include "ops/cpu/bf16.h"
#include "ops/cpu/int8.h"

namespace pydarknet::bindings {

template <class T>
struct NarrowElement;
template <>
struct NarrowElement<std::uint8_t> {
  static constexpr const char* kType = "|u1";
  static constexpr int kLanes = kByteBlock;
};
template <>
struct NarrowElement<std::uint16_t> {
  static constexpr const char* kType = "<u2";
  static constexpr int kLanes = kHalfBlock;
};

// Blocked elements of this many lanes, those of the element if none are given.
template <class T>
NarrowOf<T> narrow_view(py::handle object, Where where,
                        int lanes = NarrowElement<std::remove_const_t<T>>::kLanes) {
  using Element = NarrowElement<std::remove_const_t<T>>;
  const RawArray a = raw_array(object, Element::kType, !std::is_const_v<T>, where);
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
void expect_narrow_like(const NarrowOf<T>& found, const ConstBf16Tensor& x, Where where) {
  expect_narrow(found, x.n, x.blocks, x.h, x.w, where);
}

// Bytes of an array's elements, by which it is told which type is meant; 0 if it doesn't say.
inline int item_bytes(py::handle array) {
  const auto bytes = py::getattr(array, "itemsize", py::none());
  return bytes.is_none() ? 0 : bytes.cast<int>();
}

}  // namespace pydarknet::bindings
