// What only the CPU has: matrix registers.
#include "bindings/lib/module.h"
#include "ops/precision.h"

namespace pydarknet::bindings {
namespace {

void bind_matrices(Module& m) {
  m.def(
      "use_matrices", &use_matrices, py::arg("name"),
      "What multiplies BF16 and bytes from now on: amx where there is one, vectors, or plain; returns which");
}

const Binding matrices_entries(&bind_matrices);

}  // namespace
}  // namespace pydarknet::bindings
