#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// y = alpha * x + beta * add where both exist, x elsewhere (Darknet's rule: alpha does not reach channels and
// pixels without a partner). Blocked; y may be x.
// Where the sizes differ, pixel (i, j) of the smaller meets every (larger / smaller)-th pixel of the larger.
void shortcut_forward(ConstTensor x, ConstTensor add, Tensor y, int channels_x, int channels_add, float alpha,
                      float beta, Stream stream);

// Darknet's gradients of the same: dx is alpha * dy everywhere, without a partner too, and dadd is beta * dy
// where both exist and 0 elsewhere. Each grows where its `accumulate` is set, else it is written; either may
// be without data. dx may be dy.
struct ShortcutGradients {
  Tensor dx, dadd;
  bool accumulate_x, accumulate_add;
};
void shortcut_backward(ConstTensor dy, ShortcutGradients gradients, int channels_x, int channels_add,
                       float alpha, float beta, Stream stream);

}  // namespace pydarknet
