#include "ops/space_batch.h"

#include <pybind11/stl.h>

#include <utility>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

using Pair = std::pair<int, int>;  // along (y, x)

Parts parts_of(const ConstTensor& whole, const ConstTensor& parts, Pair count, Pair every, Pair step,
               Pair pad, const char* op) {
  for (const int n : {count.first, count.second}) expect_range(n, 1, 1 << 12, {op, "count"});
  for (const int n : {every.first, every.second}) expect_range(n, 1, kLargest, {op, "every"});
  for (const int n : {step.first, step.second}) expect_range(n, 1, kLargest, {op, "step"});
  for (const int n : {pad.first, pad.second}) expect_range(n, 0, kLargest, {op, "pad"});
  const std::int64_t images = std::int64_t{whole.n} * count.first * count.second;
  expect_range(parts.n, images, images, {op, "parts"});
  expect_shape(parts, parts.n, whole.blocks(), parts.h, parts.w, {op, "parts"});
  expect_apart(whole.data, parts.data, op);
  return {count.first, count.second, every.first, every.second,
          step.first,  step.second,  pad.first,   pad.second};
}

void py_space_to_batch(py::handle whole_array, py::handle parts_array, Pair count, Pair every, Pair step,
                       Pair pad, std::uintptr_t stream) {
  constexpr const char* op = "space_to_batch";
  const ConstTensor whole = const_tensor(whole_array, op, "whole");
  const Tensor parts = tensor(parts_array, op, "parts");
  const Parts cut = parts_of(whole, parts, count, every, step, pad, op);
  WithoutGil release;
  space_to_batch(whole, parts, cut, stream_of(stream));
}

void py_batch_to_space(py::handle parts_array, py::handle whole_array, Pair count, Pair every, Pair step,
                       Pair pad, std::uintptr_t stream) {
  constexpr const char* op = "batch_to_space";
  const ConstTensor parts = const_tensor(parts_array, op, "parts");
  const Tensor whole = tensor(whole_array, op, "whole");
  const Parts cut = parts_of(whole, parts, count, every, step, pad, op);
  WithoutGil release;
  batch_to_space(parts, whole, cut, stream_of(stream));
}

void bind_space_batch(Module& m) {
  using py::arg;
  m.def("space_to_batch", &py_space_to_batch, arg("whole"), arg("parts"), arg("count"), arg("every"),
        arg("step"), arg("pad"), arg("stream") = 0,
        "Each image as count[0] x count[1] images: pixel i of part a is pixel every * i + step * a - pad, "
        "along "
        "(y, x); 0 outside. Blocked");
  m.def("batch_to_space", &py_batch_to_space, arg("parts"), arg("whole"), arg("count"), arg("every"),
        arg("step"), arg("pad"), arg("stream") = 0,
        "The transpose of space_to_batch: pixels of the image that no part has are 0. Blocked");
}

const Binding space_batch_entries(&bind_space_batch);

}  // namespace
}  // namespace pydarknet::bindings
