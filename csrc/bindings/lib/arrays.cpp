#include "bindings/lib/arrays.h"

#include <limits>

namespace pydarknet::bindings {
namespace {

std::string raw_shape_text(const RawArray& a) {
  std::string text = "(";
  for (int i = 0; i < a.ndim; ++i) text += (i ? ", " : "") + std::to_string(a.shape[i]);
  return text + ")";
}

RawArray dims(py::handle object, int ndim, bool writable, Where where) {
  const RawArray a = raw_array(object, "<f4", writable, where);
  if (a.ndim != ndim) {
    where.fail("expected " + std::to_string(ndim) + " dimensions, found shape " + raw_shape_text(a));
  }
  for (int i = 0; i < ndim; ++i) {
    if (a.shape[i] > std::numeric_limits<int>::max()) where.fail("dimension too large: " + raw_shape_text(a));
  }
  return a;
}

void check_alignment(const RawArray& a, std::uintptr_t bytes, Where where) {
  if (a.size > 0 && reinterpret_cast<std::uintptr_t>(a.data) % bytes) {
    where.fail("the array must begin on a multiple of " + std::to_string(bytes) + " bytes");
  }
}

template <class T>
TensorOf<T> blocked_view(py::handle object, bool writable, Where where) {
  const RawArray a = dims(object, 5, writable, where);
  if (a.shape[4] != kBlock) {
    where.fail("expected a blocked array with " + std::to_string(kBlock) + " lanes, found shape " +
               raw_shape_text(a));
  }
  check_alignment(a, kAlignment, where);
  const auto at = [&](int i) { return static_cast<int>(a.shape[i]); };
  return {static_cast<T*>(a.data), at(0), at(1) * kBlock, at(2), at(3)};
}

template <class T>
PlainOf<T> plain_view(py::handle object, bool writable, Where where) {
  const RawArray a = dims(object, 4, writable, where);
  const auto at = [&](int i) { return static_cast<int>(a.shape[i]); };
  return {static_cast<T*>(a.data), at(0), at(1), at(2), at(3)};
}

RawArray flat(py::handle object, const char* typestr, bool writable, std::int64_t least, Where where) {
  const RawArray a = raw_array(object, typestr, writable, where);
  if (a.size < least) {
    where.fail("expected at least " + std::to_string(least) + " elements, found shape " + raw_shape_text(a));
  }
  return a;
}

RawArray aligned(py::handle object, bool writable, std::int64_t least, Where where) {
  const RawArray a = flat(object, "<f4", writable, least, where);
  check_alignment(a, kAlignment, where);
  return a;
}

void check_contiguous(const py::dict& info, const RawArray& a, std::int64_t item, Where where) {
  if (!info.contains("strides") || info["strides"].is_none()) return;
  const auto strides = info["strides"].cast<py::tuple>();
  std::int64_t expected = item;
  for (int i = a.ndim - 1; i >= 0; --i) {
    if (a.shape[i] > 1 && a.size > 0 && strides[i].cast<std::int64_t>() != expected) {
      where.fail("the array must be C-contiguous");
    }
    expected *= a.shape[i];
  }
}

// NumPy's array interface as it is for C; NumPy calls it PyArrayInterface.
struct ArrayStruct {
  int two, ndim;
  char kind;
  int itemsize, flags;
  Py_intptr_t *shape, *strides;
  void* data;
  PyObject* description;
};
constexpr int kContiguous = 0x1, kNotSwapped = 0x200, kWriteable = 0x400;

// Reads the array by its struct, where it has one that says all that is wanted; the dictionary says the same
// in fifty times the time, and what is wrong.
bool read_struct(py::handle object, const char* typestr, bool writable, RawArray& a) {
  if (!kArrayStruct) return false;
  const py::object capsule = py::getattr(object, kArrayStruct, py::none());
  if (!PyCapsule_IsValid(capsule.ptr(), nullptr)) return false;
  const auto& s = *static_cast<const ArrayStruct*>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
  const int flags = kContiguous | kNotSwapped | (writable ? kWriteable : 0);
  if (s.two != 2 || s.kind != typestr[1] || s.itemsize != typestr[2] - '0' || (s.flags & flags) != flags ||
      s.ndim > static_cast<int>(a.shape.size())) {
    return false;
  }
  a = {s.data, s.ndim, {}, 1};
  for (int i = 0; i < a.ndim; ++i) a.size *= a.shape[i] = s.shape[i];
  return true;
}

RawArray read_dictionary(py::handle object, const char* typestr, bool writable, Where where) {
  const py::object found = py::getattr(object, kArrayInterface, py::none());
  if (found.is_none()) where.fail(std::string("expected an array with ") + kArrayInterface);
  const auto info = found.cast<py::dict>();
  const auto type = info["typestr"].cast<std::string>();
  if (type != typestr) where.fail(std::string("expected element type ") + typestr + ", found " + type);
  const auto shape = info["shape"].cast<py::tuple>();
  RawArray a{nullptr, static_cast<int>(shape.size()), {}, 1};
  if (a.ndim > static_cast<int>(a.shape.size())) where.fail("too many dimensions");
  for (int i = 0; i < a.ndim; ++i) a.size *= a.shape[i] = shape[i].cast<std::int64_t>();
  const auto data = info["data"].cast<py::tuple>();
  a.data = reinterpret_cast<void*>(data[0].cast<std::uintptr_t>());
  if (writable && data[1].cast<bool>()) where.fail("the array is read-only");
  check_contiguous(info, a, type.back() - '0', where);
  return a;
}

}  // namespace

void Where::fail(const std::string& message) const {
  throw py::value_error(std::string(op) + ": argument '" + argument + "': " + message);
}

RawArray raw_array(py::handle object, const char* typestr, bool writable, Where where) {
  RawArray a;
  if (!read_struct(object, typestr, writable, a)) a = read_dictionary(object, typestr, writable, where);
  const std::int64_t item = typestr[2] - '0';
  check_alignment(a, static_cast<std::uintptr_t>(item), where);
  note_array(where.argument, a.data, static_cast<std::size_t>(a.size * item), writable);
  return a;
}

Tensor tensor(py::handle object, const char* op, const char* argument) {
  return blocked_view<float>(object, true, {op, argument});
}
ConstTensor const_tensor(py::handle object, const char* op, const char* argument) {
  return blocked_view<const float>(object, false, {op, argument});
}
Plain plain(py::handle object, const char* op, const char* argument) {
  return plain_view<float>(object, true, {op, argument});
}
ConstPlain const_plain(py::handle object, const char* op, const char* argument) {
  return plain_view<const float>(object, false, {op, argument});
}
Image image_view(py::handle object, const char* op, const char* argument) {
  const RawArray a = raw_array(object, "|u1", false, {op, argument});
  require(a.ndim == 3, op, std::string(argument) + " must have shape (height, width, channels)");
  for (int i = 0; i < 3; ++i) {
    require(a.shape[i] > 0 && a.shape[i] <= std::numeric_limits<int>::max(), op,
            std::string(argument) + " is empty or too large");
  }
  const auto at = [&](int i) { return static_cast<int>(a.shape[i]); };
  return {static_cast<const std::uint8_t*>(a.data), at(0), at(1), at(2)};
}
float* floats(py::handle object, std::int64_t least, const char* op, const char* argument) {
  return static_cast<float*>(flat(object, "<f4", true, least, {op, argument}).data);
}
const float* const_floats(py::handle object, std::int64_t least, const char* op, const char* argument) {
  return static_cast<const float*>(flat(object, "<f4", false, least, {op, argument}).data);
}
float* packed_floats(py::handle object, std::int64_t least, const char* op, const char* argument) {
  return static_cast<float*>(aligned(object, true, least, {op, argument}).data);
}
const float* const_packed_floats(py::handle object, std::int64_t least, const char* op,
                                 const char* argument) {
  return static_cast<const float*>(aligned(object, false, least, {op, argument}).data);
}
RawArray workspace_floats(py::handle object, std::int64_t least, const char* op) {
  return aligned(object, true, least, {op, "workspace"});
}
const float* optional_floats(py::handle object, std::int64_t least, const char* op, const char* argument) {
  return object.is_none() ? nullptr : const_floats(object, least, op, argument);
}
const std::int32_t* const_ints(py::handle object, std::int64_t least, const char* op, const char* argument) {
  return static_cast<const std::int32_t*>(flat(object, "<i4", false, least, {op, argument}).data);
}

void require(bool condition, const char* op, const std::string& message) {
  if (!condition) throw py::value_error(std::string(op) + ": " + message);
}

}  // namespace pydarknet::bindings
