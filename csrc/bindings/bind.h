// Each op's entries; module.cpp calls them all.
#pragma once
#include <pybind11/pybind11.h>

namespace pydarknet::bindings {

void bind_conv(pybind11::module_& m);
void bind_layout(pybind11::module_& m);
void bind_threads(pybind11::module_& m);

}  // namespace pydarknet::bindings
