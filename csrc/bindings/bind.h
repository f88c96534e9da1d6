// Each op's entries; module.cpp calls them all.
#pragma once
#include <pybind11/pybind11.h>

namespace pydarknet::bindings {

void bind_activation(pybind11::module_& m);
void bind_augment(pybind11::module_& m);
void bind_batchnorm(pybind11::module_& m);
void bind_conv(pybind11::module_& m);
void bind_cost(pybind11::module_& m);
void bind_conv_backward(pybind11::module_& m);
void bind_crop(pybind11::module_& m);
void bind_detection(pybind11::module_& m);
void bind_detection_loss(pybind11::module_& m);
void bind_dropout(pybind11::module_& m);
void bind_elementwise(pybind11::module_& m);
void bind_l2norm(pybind11::module_& m);
void bind_layout(pybind11::module_& m);
void bind_local(pybind11::module_& m);
void bind_normalization(pybind11::module_& m);
void bind_pool(pybind11::module_& m);
void bind_region(pybind11::module_& m);
void bind_region_loss(pybind11::module_& m);
void bind_reorg(pybind11::module_& m);
void bind_resize(pybind11::module_& m);
void bind_route(pybind11::module_& m);
void bind_shortcut(pybind11::module_& m);
void bind_softmax(pybind11::module_& m);
void bind_threads(pybind11::module_& m);
void bind_update(pybind11::module_& m);
void bind_upsample(pybind11::module_& m);
void bind_yolo(pybind11::module_& m);
void bind_yolo_loss(pybind11::module_& m);

}  // namespace pydarknet::bindings
