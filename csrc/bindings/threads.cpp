#include "shared/threads.h"

#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void bind_threads(Module& m) {
  m.def("num_threads", &num_threads, "Threads that ops use");
  m.def("set_num_threads", &set_num_threads, py::arg("count"),
        "Threads that ops use from now on, at least 1");
}

const Binding threads_entries(&bind_threads);

}  // namespace
}  // namespace pydarknet::bindings
