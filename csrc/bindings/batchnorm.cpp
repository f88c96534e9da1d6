#include "ops/batchnorm.h"

#include "bindings/lib/checks.h"
#include "bindings/lib/module.h"
#include "shared/activation.h"

namespace pydarknet::bindings {
namespace {

void py_scale_bias(py::handle x_array, py::handle scale_array, py::handle bias_array, py::handle y_array,
                   std::uintptr_t stream) {
  constexpr const char* op = "scale_bias";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const RawArray scale = raw_array(scale_array, "<f4", false, {op, "scale"});
  const RawArray bias = raw_array(bias_array, "<f4", false, {op, "bias"});
  const Tensor y = tensor(y_array, op, "y");
  expect_range(scale.size, x.blocks() ? x.c - kBlock + 1 : 0, x.c, {op, "scale"});
  expect_range(bias.size, scale.size, scale.size, {op, "bias"});
  expect_like(y, x, {op, "y"});
  WithoutGil release;
  scale_bias(x, static_cast<const float*>(scale.data), static_cast<const float*>(bias.data),
             static_cast<int>(scale.size), y, stream_of(stream));
}

Deviation deviation(double epsilon, bool inside, Where where) {
  if (!(epsilon >= 0)) where.fail("expected a number from 0 on");
  return {static_cast<float>(epsilon), inside};
}

float slope_of(py::handle activation_object, const char* op) {
  const Activation activation = activation_of(activation_object, op);
  const float slope = rectifier_slope(activation);
  if (slope == 1.0f && activation != Activation::kLinear) {
    Where{op, "activation"}.fail("expected linear or a rectifier");
  }
  return slope;
}

// What lies behind the normalization has x's size, or half of its rows and columns.
void expect_like_or_half(const ConstTensor& found, const ConstTensor& x, Where where) {
  const bool half =
      x.h > 0 && x.w > 0 && x.h == 2 * std::int64_t{found.h} && x.w == 2 * std::int64_t{found.w};
  expect_shape(found, x.n, x.blocks(), half ? found.h : x.h, half ? found.w : x.w, where);
}

void py_batchnorm_train(py::handle x_array, py::handle y_array, py::handle mean, py::handle variance,
                        py::handle rolling_mean, py::handle rolling_variance, py::handle scales,
                        py::handle biases, double epsilon, bool inside, double rolling, int channels,
                        py::handle activation, std::uintptr_t stream) {
  constexpr const char* op = "batchnorm_train";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_like_or_half(y, x, {op, "y"});
  expect_channels(channels, x, {op, "channels"});
  const BatchStatistics statistics{floats(mean, channels, op, "mean"),
                                   floats(variance, channels, op, "variance"),
                                   floats(rolling_mean, channels, op, "rolling_mean"),
                                   floats(rolling_variance, channels, op, "rolling_variance")};
  const float* s = const_floats(scales, channels, op, "scales");
  const float* b = optional_floats(biases, channels, op, "biases");
  const Normalization normalization{s, b, deviation(epsilon, inside, {op, "epsilon"}),
                                    slope_of(activation, op)};
  require(rolling >= 0 && rolling <= 1, op, "argument 'rolling': expected a number from 0 to 1");
  WithoutGil release;
  batchnorm_train(x, y, statistics, normalization, rolling, channels, stream_of(stream));
}

void py_batchnorm_backward(py::handle x_array, py::handle mean, py::handle variance, py::handle scales,
                           py::handle biases, py::handle dy_array, py::handle dx_array, py::handle dscales,
                           py::handle dbiases, double epsilon, bool inside, double backward_epsilon,
                           bool backward_inside, int channels, py::handle activation, std::uintptr_t stream) {
  constexpr const char* op = "batchnorm_backward";
  const ConstTensor x = const_tensor(x_array, op, "x"), dy = const_tensor(dy_array, op, "dy");
  const Tensor dx = tensor(dx_array, op, "dx");
  expect_like_or_half(dy, x, {op, "dy"});
  expect_like(dx, x, {op, "dx"});
  expect_channels(channels, x, {op, "channels"});
  const float* m = const_floats(mean, channels, op, "mean");
  const float* v = const_floats(variance, channels, op, "variance");
  const float* s = const_floats(scales, channels, op, "scales");
  const float* b = optional_floats(biases, channels, op, "biases");
  const BatchnormGradients gradients{floats(dscales, channels, op, "dscales"),
                                     dbiases.is_none() ? nullptr : floats(dbiases, channels, op, "dbiases")};
  const Normalization normalization{s, b, deviation(epsilon, inside, {op, "epsilon"}),
                                    slope_of(activation, op)};
  const Deviation backward = deviation(backward_epsilon, backward_inside, {op, "backward_epsilon"});
  WithoutGil release;
  batchnorm_backward(x, m, v, normalization, dy, dx, gradients, backward, channels, stream_of(stream));
}

void py_bias_backward(py::handle dy_array, py::handle dbias_array, int channels, std::uintptr_t stream) {
  constexpr const char* op = "bias_backward";
  const ConstTensor dy = const_tensor(dy_array, op, "dy");
  expect_channels(channels, dy, {op, "channels"});
  float* dbias = floats(dbias_array, channels, op, "dbias");
  WithoutGil release;
  bias_backward(dy, dbias, channels, stream_of(stream));
}

void bind_batchnorm(Module& m) {
  using py::arg;
  m.def("scale_bias", &py_scale_bias, arg("x"), arg("scale"), arg("bias"), arg("y"), arg("stream") = 0,
        "y = x * scale + bias per channel; scale and bias hold C floats, y may be x. Blocked");
  m.def(
      "batchnorm_train", &py_batchnorm_train, arg("x"), arg("y"), arg("mean"), arg("variance"),
      arg("rolling_mean"), arg("rolling_variance"), arg("scales"), arg("biases"), arg("epsilon"),
      arg("inside"), arg("rolling"), arg("channels"), arg("activation"), arg("stream") = 0,
      "Normalises x by the batch's mean and variance, which it writes and adds to the rolling ones; "
      "`inside` puts epsilon under the root; biases may be None, the activation linear or a rectifier. y may "
      "be x; of half its rows and columns it gets the largest of each 2x2. Blocked");
  m.def(
      "batchnorm_backward", &py_batchnorm_backward, arg("x"), arg("mean"), arg("variance"), arg("scales"),
      arg("biases"), arg("dy"), arg("dx"), arg("dscales"), arg("dbiases"), arg("epsilon"), arg("inside"),
      arg("backward_epsilon"), arg("backward_inside"), arg("channels"), arg("activation"), arg("stream") = 0,
      "dx by Darknet's formulas; adds to dscales and dbiases (or None). dy has x's size, or half of its rows "
      "and columns; dx may be x, and such a dy as is as large. Blocked");
  m.def("bias_backward", &py_bias_backward, arg("dy"), arg("dbias"), arg("channels"), arg("stream") = 0,
        "dbias += sum of dy over images and pixels. Blocked");
}

const Binding batchnorm_entries(&bind_batchnorm);

}  // namespace
}  // namespace pydarknet::bindings
