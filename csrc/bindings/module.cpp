#include <exception>

#include "bindings/arrays.h"
#include "bindings/bind.h"
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
  bind_activation(m);
  bind_augment(m);
  bind_batchnorm(m);
  bind_candidates(m);
  bind_conv(m);
  bind_cost(m);
  bind_conv_backward(m);
  bind_crop(m);
  bind_detection(m);
  bind_detection_loss(m);
  bind_dropout(m);
  bind_elementwise(m);
  bind_l2norm(m);
  bind_layout(m);
  bind_local(m);
  bind_nms(m);
  bind_normalization(m);
  bind_pool(m);
  bind_region(m);
  bind_region_loss(m);
  bind_reorg(m);
  bind_resize(m);
  bind_route(m);
  bind_shortcut(m);
  bind_softmax(m);
  bind_space_batch(m);
  bind_threads(m);
  bind_update(m);
  bind_upsample(m);
  bind_yolo(m);
  bind_yolo_loss(m);
}
