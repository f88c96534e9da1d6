// Each op's entries; module.cpp calls them all.
#pragma once
#include "bindings/module.h"

namespace pydarknet::bindings {

void bind_activation(Module& m);
void bind_augment(Module& m);
void bind_batchnorm(Module& m);
void bind_candidates(Module& m);
void bind_conv(Module& m);
void bind_cost(Module& m);
void bind_conv_backward(Module& m);
void bind_crop(Module& m);
void bind_detection(Module& m);
void bind_detection_loss(Module& m);
void bind_dropout(Module& m);
void bind_elementwise(Module& m);
void bind_l2norm(Module& m);
void bind_layout(Module& m);
void bind_local(Module& m);
void bind_nms(Module& m);
void bind_normalization(Module& m);
void bind_pool(Module& m);
void bind_region(Module& m);
void bind_region_loss(Module& m);
void bind_reorg(Module& m);
void bind_resize(Module& m);
void bind_route(Module& m);
void bind_shortcut(Module& m);
void bind_softmax(Module& m);
void bind_space_batch(Module& m);
void bind_threads(Module& m);
void bind_update(Module& m);
void bind_upsample(Module& m);
void bind_yolo(Module& m);
void bind_yolo_loss(Module& m);

}  // namespace pydarknet::bindings
