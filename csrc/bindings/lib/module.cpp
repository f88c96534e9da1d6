#include "bindings/lib/module.h"

#include <exception>

#include "bindings/lib/arrays.h"
#include "ops/tensor.h"
#include "shared/device_failure.h"

namespace {

// DeviceFailure becomes pydarknet.errors.DeviceError.
void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const pydarknet::DeviceFailure& failure) {
    const auto errors = pybind11::module_::import("pydarknet.errors");
    PyErr_SetString(errors.attr("DeviceError").ptr(), failure.what());
  }
}

}  // namespace

// Null when the extension is loaded, before the constants of the ops' files are made.
const pydarknet::bindings::Binding* pydarknet::bindings::Binding::first_ = nullptr;

// Two steps, so that the macro's argument is expanded before it becomes part of a name.
#define PYDARKNET_DEFINE_MODULE(name, m) PYBIND11_MODULE(name, m)

PYDARKNET_DEFINE_MODULE(PYDARKNET_MODULE, module) {
  using namespace pydarknet::bindings;
  pybind11::register_local_exception_translator(&translate);
  Module m(module);
  m.doc() = "pydarknet's kernels for one instruction set or device";
  m.attr("block") = pydarknet::kBlock;
  m.attr("alignment") = kAlignment;
  m.attr("contents_readable") = kContentsReadable;
  Binding::fill_module(m);
}
