#include "bindings/bind.h"
#include "shared/threads.h"

void pydarknet::bindings::bind_threads(Module& m) {
  m.def("num_threads", &num_threads, "Threads that ops use");
  m.def("set_num_threads", &set_num_threads, pybind11::arg("count"),
        "Threads that ops use from now on, at least 1");
}
