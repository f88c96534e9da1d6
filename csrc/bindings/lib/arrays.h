// From Python arrays to views: the one place where arguments are checked.
#pragma once
#include <pybind11/pybind11.h>

#include <array>
#include <string>

#include "bindings/lib/module.h"
#include "ops/resize.h"
#include "ops/tensor.h"

namespace pydarknet::bindings {

namespace py = pybind11;

// The attribute arrays of this build's device carry; defined by the one interface_*.cpp the build links.
extern const char* const kArrayInterface;
// That of the same as a C struct; nullptr where the device's arrays have none.
extern const char* const kArrayStruct;

// Whether this process can read what lies in the arrays. Where it can't, nobody checks contents but the
// kernels.
extern const bool kContentsReadable;

// Bytes on a multiple of which blocked arrays, packed weights and workspaces begin: devices move 16 as one.
extern const std::uintptr_t kAlignment;

// Where an argument stands, for messages: "maxpool_forward: argument 'x'".
struct Where {
  const char* op;
  const char* argument;
  [[noreturn]] void fail(const std::string& message) const;
};

struct RawArray {
  void* data;
  int ndim;
  std::array<std::int64_t, 8> shape;
  std::int64_t size;
};

// Reads the array interface; the array must be C-contiguous, of `typestr` ("<f4", "<i4", "|u1"), begin where
// its elements may and, if `writable`, not be read-only. Throws ValueError naming op and argument.
RawArray raw_array(py::handle object, const char* typestr, bool writable, Where where);

Tensor tensor(py::handle object, const char* op, const char* argument);
ConstTensor const_tensor(py::handle object, const char* op, const char* argument);
Plain plain(py::handle object, const char* op, const char* argument);
ConstPlain const_plain(py::handle object, const char* op, const char* argument);

// Rows of interleaved bytes (height, width, channels), not empty.
Image image_view(py::handle object, const char* op, const char* argument);

// A flat float array of at least `least` elements.
float* floats(py::handle object, std::int64_t least, const char* op, const char* argument);
const float* const_floats(py::handle object, std::int64_t least, const char* op, const char* argument);
// The same, beginning on kAlignment.
float* packed_floats(py::handle object, std::int64_t least, const char* op, const char* argument);
const float* const_packed_floats(py::handle object, std::int64_t least, const char* op, const char* argument);
// The workspace of a call that needs at least `least` floats of it.
RawArray workspace_floats(py::handle object, std::int64_t least, const char* op);
// nullptr for None.
const float* optional_floats(py::handle object, std::int64_t least, const char* op, const char* argument);
const std::int32_t* const_ints(py::handle object, std::int64_t least, const char* op, const char* argument);

// Throws ValueError "<op>: <message>" unless `condition`.
void require(bool condition, const char* op, const std::string& message);

inline Stream stream_of(std::uintptr_t handle) { return {reinterpret_cast<void*>(handle)}; }

}  // namespace pydarknet::bindings
