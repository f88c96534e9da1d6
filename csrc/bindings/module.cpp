#include "bindings/bind.h"
#include "ops/tensor.h"

// Two steps, so that the macro's argument is expanded before it becomes part of a name.
#define PYDARKNET_DEFINE_MODULE(name, m) PYBIND11_MODULE(name, m)

PYDARKNET_DEFINE_MODULE(PYDARKNET_MODULE, m) {
  using namespace pydarknet::bindings;
  m.doc() = "pydarknet's kernels for one instruction set or device";
  m.attr("block") = pydarknet::kBlock;
  bind_threads(m);
  bind_conv(m);
  bind_layout(m);
}
