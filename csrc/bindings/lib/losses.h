// What the bindings of the losses share.
#pragma once
#include <pybind11/numpy.h>

#include "bindings/lib/checks.h"
#include "ops/loss.h"
#include "ops/truths.h"

namespace pydarknet::bindings {

inline py::array_t<double> statistics_array(const LossStatistics& statistics) {
  const auto values = statistics.values();
  return py::array_t<double>(static_cast<py::ssize_t>(values.size()), values.data());
}

// (images, most, row), row as given.
inline Truths truth_lists(py::handle object, int images, int row, const char* op) {
  const Where where{op, "truth"};
  const RawArray a = raw_array(object, "<f4", false, where);
  if (a.ndim != 3 || a.shape[0] != images || a.shape[1] > kLargest || a.shape[2] != row) {
    where.fail("expected shape (" + std::to_string(images) + ", boxes, " + std::to_string(row) + ")");
  }
  return {static_cast<const float*>(a.data), images, static_cast<int>(a.shape[1]), row};
}

// One int32 for each label, or None.
inline ClassMap class_map(py::handle object, const char* op) {
  if (object.is_none()) return {};
  const RawArray a = raw_array(object, "<i4", false, {op, "map"});
  expect_range(a.size, 0, kLargest, {op, "map"});
  return {static_cast<const std::int32_t*>(a.data), static_cast<int>(a.size)};
}

// ValueError naming image and box unless the loss can use all truths, as far as this process can see.
inline void check_truths(const Truths& truths, const TruthRules& rules, const char* op) {
  if (!kContentsReadable) return;
  const std::string fault = truth_fault(truths, rules);
  if (!fault.empty()) Where{op, "truth"}.fail(fault);
}

}  // namespace pydarknet::bindings
