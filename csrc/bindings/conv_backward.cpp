#include "ops/conv_backward.h"

#include "bindings/lib/conv.h"
#include "shared/threads.h"

namespace pydarknet::bindings {
namespace {

ConstTensor dy_of(py::handle array, const ConvShape& s, const char* op) {
  const ConstTensor dy = const_tensor(array, op, "dy");
  expect_shape(dy, s.n, blocks_of(s.k), s.out_h(), s.out_w(), {op, "dy"});
  return dy;
}

// The gradient to the input of one shape by one algorithm.
struct Dgrad {
  Dgrad(const ConvShape& shape, const std::string& algorithm)
      : shape(shape),
        algorithm(algorithm),
        gradient(conv_dgrad(shape, algorithm)),
        packed_size(gradient->packed_size()),
        least{gradient->workspace(false, 1), gradient->workspace(true, 1)} {}

  std::int64_t workspace(bool accumulate) const { return gradient->workspace(accumulate, num_threads()); }

  void pack(py::handle weights, py::handle packed, std::uintptr_t stream) const {
    constexpr const char* op = "conv_data_pack";
    const float* from = const_floats(weights, weights_of(shape), op, "weights");
    float* to = packed_floats(packed, packed_size, op, "packed");
    WithoutGil release;
    gradient->pack(from, to, stream_of(stream));
  }

  void backward(py::handle dy_array, py::handle packed_array, py::handle dx_array, bool accumulate,
                py::handle workspace, std::uintptr_t stream) const {
    constexpr const char* op = "conv_backward_data";
    const ConstTensor dy = dy_of(dy_array, shape, op);
    const float* packed = const_packed_floats(packed_array, packed_size, op, "packed");
    const Tensor dx = tensor(dx_array, op, "dx");
    expect_shape(dx, shape.n, blocks_of(shape.c), shape.h, shape.w, {op, "dx"});
    const RawArray scratch = workspace_floats(workspace, least[accumulate], op);
    require(dy.data != dx.data, op, "argument 'dx': must not be dy itself");
    WithoutGil release;
    gradient->run({dy, packed, dx, accumulate, static_cast<float*>(scratch.data), scratch.size},
                  stream_of(stream));
  }

  const ConvShape shape;
  const std::string algorithm;
  const std::unique_ptr<const ConvDgrad> gradient;
  const std::int64_t packed_size;
  const std::int64_t least[2];  // of the workspace, by `accumulate`
};

// The gradient to the weights of one shape, for plain or for blocked x.
struct Wgrad {
  static constexpr const char* kOp = "conv_backward_weights";

  Wgrad(const ConvShape& shape, bool plain) : shape(shape), plain(plain) {
    require(!plain || shape.groups == 1, kOp, shape.text() + ": expected one group, as x is plain");
    gradient = conv_wgrad(shape, plain);
    least = gradient->workspace(1);
  }

  std::int64_t workspace() const { return gradient->workspace(num_threads()); }

  void backward(py::handle x_array, py::handle dy_array, py::handle dweights_array, py::handle workspace,
                std::uintptr_t stream) const {
    const float* x = input_of(x_array, shape, plain, {kOp, "x"});
    const ConstTensor dy = dy_of(dy_array, shape, kOp);
    float* dweights = floats(dweights_array, weights_of(shape), kOp, "dweights");
    const RawArray scratch = workspace_floats(workspace, least, kOp);
    WithoutGil release;
    gradient->run({x, dy, dweights, static_cast<float*>(scratch.data), scratch.size}, stream_of(stream));
  }

  const ConvShape shape;
  const bool plain;
  std::unique_ptr<const ConvWgrad> gradient;
  std::int64_t least;  // of the workspace
};

void bind_dgrad(Module& m) {
  using py::arg;
  py::class_<Dgrad>(m, "ConvDgrad", py::module_local(),
                    "The gradient to a convolution's input by one of its shape's `dgrad_algorithms`")
      .def(py::init<const ConvShape&, const std::string&>(), arg("shape"), arg("algorithm"))
      .def_readonly("shape", &Dgrad::shape)
      .def_readonly("algorithm", &Dgrad::algorithm)
      .def_readonly("packed_size", &Dgrad::packed_size, "Floats of the packed weights")
      .def("workspace", &Dgrad::workspace, arg("accumulate") = true,
           "Floats of workspace for the current number of threads")
      .def("pack", &Dgrad::pack, Guarded(), arg("weights"), arg("packed"), arg("stream") = 0,
           "Weights (K, C / groups, R, S), transposed, into the algorithm's own layout")
      .def("backward", &Dgrad::backward, Guarded(), arg("dy"), arg("packed"), arg("dx"), arg("accumulate"),
           arg("workspace"), arg("stream") = 0, "dx = (or +=) the gradient to the input; dy and dx blocked");
}

void bind_conv_backward(Module& m) {
  using py::arg;
  bind_dgrad(m);
  py::class_<Wgrad>(m, "ConvWgrad", py::module_local(),
                    "The gradient to a convolution's weights, for plain or for blocked input")
      .def(py::init<const ConvShape&, bool>(), arg("shape"), arg("plain") = false)
      .def_readonly("shape", &Wgrad::shape)
      .def_readonly("plain", &Wgrad::plain, "Whether x is")
      .def("workspace", &Wgrad::workspace, "Floats of workspace for the current number of threads")
      .def("backward", &Wgrad::backward, Guarded(), arg("x"), arg("dy"), arg("dweights"), arg("workspace"),
           arg("stream") = 0,
           "dweights (K, C / groups, R, S) += the gradient; x as `plain` says, dy blocked");
}

const Binding conv_backward_entries(&bind_conv_backward);

}  // namespace
}  // namespace pydarknet::bindings
