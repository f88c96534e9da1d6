#include "shared/threads.h"

#include "bindings/lib/module.h"

namespace pydarknet::bindings {
namespace {

void bind_threads(Module& m) {
  m.def("num_threads", &num_threads, "Threads that ops use where the caller is");
  m.def("set_num_threads", &set_num_threads, py::arg("count"),
        "Threads that ops use from now on, at least 1");
  m.def("limit_threads", &limit_threads, py::arg("count"),
        "At most so many for ops that this thread calls from now on; 0: no limit of its own");
}

const Binding threads_entries(&bind_threads);

}  // namespace
}  // namespace pydarknet::bindings
