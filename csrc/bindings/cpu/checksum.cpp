#include "shared/checksum.h"

#include "bindings/lib/arrays.h"
#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

std::uint64_t py_checksum(py::handle data_array) {
  const RawArray data = raw_array(data_array, "|u1", false, {"checksum", "data"});
  WithoutGil release;
  return checksum(static_cast<const std::uint8_t*>(data.data), data.size);
}

void bind_checksum(Module& m) {
  m.def("checksum", &py_checksum, py::arg("data"), "64 bits of an array of bytes, read by all threads");
}

const Binding checksum_entries(&bind_checksum);

}  // namespace
}  // namespace pydarknet::bindings
