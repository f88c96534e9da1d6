#include "ops/candidates.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

HeadBoxes head_boxes(py::handle output_array, int anchors, const char* op) {
  const ConstPlain output = const_plain(output_array, op, "output");
  expect_range(anchors, 1, kLargest, {op, "anchors"});
  if (output.c % anchors) Where{op, "anchors"}.fail("expected a divisor of the channels of output");
  const HeadBoxes head{output, anchors};
  expect_range(head.all(), 0, INT32_MAX, {op, "output"});
  return head;
}

void py_find(py::handle output, int anchors, int objectness, float thresh, bool by_cell,
             py::handle found_array, py::handle starts_array, std::uintptr_t stream) {
  constexpr const char* op = "find_boxes";
  const HeadBoxes head = head_boxes(output, anchors, op);
  expect_range(objectness, -1, head.entries() - 1, {op, "objectness"});
  const RawArray found = raw_array(found_array, "<i4", true, {op, "found"});
  const RawArray starts = raw_array(starts_array, "<i4", true, {op, "starts"});
  expect_range(found.size, head.all(), head.all(), {op, "found"});
  expect_range(starts.size, head.output.n + 1, head.output.n + 1, {op, "starts"});
  WithoutGil release;
  find_boxes(head, {objectness, thresh, by_cell}, static_cast<std::int32_t*>(found.data),
             static_cast<std::int32_t*>(starts.data), stream_of(stream));
}

void py_gather(py::handle output, int anchors, py::handle found_array, py::handle values_array,
               std::uintptr_t stream) {
  constexpr const char* op = "gather_boxes";
  const HeadBoxes head = head_boxes(output, anchors, op);
  const RawArray found = raw_array(found_array, "<i4", false, {op, "found"});
  const RawArray values = raw_array(values_array, "<f4", true, {op, "values"});
  const std::int64_t size = found.size * head.entries();
  expect_range(values.size, size, size, {op, "values"});
  const auto* numbers = static_cast<const std::int32_t*>(found.data);
  if (kContentsReadable) {
    for (std::int64_t k = 0; k < found.size; ++k) expect_range(numbers[k], 0, head.all() - 1, {op, "found"});
  }
  WithoutGil release;
  gather_boxes(head, numbers, found.size, static_cast<float*>(values.data), stream_of(stream));
}

void bind_candidates(Module& m) {
  using py::arg;
  m.def("find_boxes", &py_find, arg("output"), arg("anchors"), arg("objectness"), arg("thresh"),
        arg("by_cell"), arg("found"), arg("starts"), arg("stream") = 0,
        "Numbers of the boxes whose objectness is above thresh: writes found and starts (N + 1,). Plain");
  m.def("gather_boxes", &py_gather, arg("output"), arg("anchors"), arg("found"), arg("values"),
        arg("stream") = 0, "The entries of the boxes found (M,): writes values (M, entries). Plain");
}

const Binding candidates_entries(&bind_candidates);

}  // namespace
}  // namespace pydarknet::bindings
