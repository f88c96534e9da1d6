// Maximum and average pooling of blocked activations.
#pragma once
#include "ops/tensor.h"

namespace pydarknet {

// Window (i, j) begins at (i * stride_y - padding / 2, j * stride_x - padding / 2). `padding` is Darknet's
// total.
struct PoolWindows {
  int size, stride_y, stride_x, padding;
};

// y[i][j] is the maximum of the window; what lies outside counts as -FLT_MAX, and so do NaNs.
void maxpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream stream);

// y (n, c, 1, 1) holds the mean of each channel; 0 where x has no pixels.
void avgpool_forward(ConstTensor x, Tensor y, Stream stream);

// y[i][j] is the mean of those pixels of the window that lie inside; 0 where none does.
void local_avgpool_forward(ConstTensor x, Tensor y, const PoolWindows& windows, Stream stream);

// Each dy goes to the first maximum of its window of x, row by row; where nothing exceeds -FLT_MAX it goes
// nowhere. With `accumulate` dx grows, else it is written.
void maxpool_backward(ConstTensor x, ConstTensor dy, Tensor dx, const PoolWindows& windows, bool accumulate,
                      Stream stream);

// dy (n, c, 1, 1), divided by the number of pixels, goes to each of them.
void avgpool_backward(ConstTensor dy, Tensor dx, bool accumulate, Stream stream);

// Each dy, divided by the number of its window's pixels inside, goes to each of them. (AlexeyAB's Darknet
// divides by the whole window on the CPU, and by the number of windows around a pixel on a GPU: no gradient
// at the edges.)
void local_avgpool_backward(ConstTensor dy, Tensor dx, const PoolWindows& windows, bool accumulate,
                            Stream stream);

}  // namespace pydarknet
