#include "ops/nms.h"

#include <pybind11/stl.h>

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

constexpr const char* kNms = "nms";

void check_starts(const BoxRuns& boxes) {
  const Where where{kNms, "starts"};
  std::int64_t last = 0;
  for (std::int64_t run = 0; run <= boxes.runs; ++run) {
    expect_range(boxes.starts[run], run ? last : 0, run ? boxes.count : 0, where);
    last = boxes.starts[run];
  }
  expect_range(last, boxes.count, boxes.count, where);
}

void py_nms(py::handle boxes_array, py::handle starts_array, float thresh, py::handle alive_array,
            std::optional<float> beta, std::uintptr_t stream) {
  const RawArray boxes = raw_array(boxes_array, "<f4", false, {kNms, "boxes"});
  const RawArray starts = raw_array(starts_array, "<i4", false, {kNms, "starts"});
  const RawArray alive = raw_array(alive_array, "<i4", true, {kNms, "alive"});
  if (boxes.ndim != 2 || boxes.shape[1] != 4) Where{kNms, "boxes"}.fail("expected shape (boxes, 4)");
  expect_range(boxes.shape[0], 0, kLargest, {kNms, "boxes"});
  expect_range(starts.size, 1, kLargest, {kNms, "starts"});
  expect_range(alive.size, boxes.shape[0], boxes.shape[0], {kNms, "alive"});
  const BoxRuns runs{static_cast<const float*>(boxes.data), boxes.shape[0],
                     static_cast<const std::int32_t*>(starts.data), starts.size - 1};
  if (kContentsReadable) check_starts(runs);
  WithoutGil release;
  nms(runs, {thresh, beta.has_value(), beta.value_or(0)}, static_cast<std::int32_t*>(alive.data),
      stream_of(stream));
}

void bind_nms(Module& m) {
  using py::arg;
  m.def(kNms, &py_nms, arg("boxes"), arg("starts"), arg("thresh"), arg("alive"), arg("beta") = py::none(),
        arg("stream") = 0,
        "Suppression in runs of sorted boxes (N, 4), run r from starts[r] to starts[r + 1]: writes alive "
        "(N,). With beta by "
        "IoU - (d^2 / c^2)^beta, d the distance of two centres, c the diagonal around both");
}

const Binding nms_entries(&bind_nms);

}  // namespace
}  // namespace pydarknet::bindings
