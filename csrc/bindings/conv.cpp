#include "ops/conv.h"

#include <pybind11/stl.h>

#include "bindings/lib/arrays.h"
#include "bindings/lib/module.h"
#include "shared/threads.h"

namespace pydarknet::bindings {
namespace {

ConvShape make_shape(int n, int c, int h, int w, int k, int kernel_h, int kernel_w, int stride_y,
                     int stride_x, int pad_y, int pad_x, int groups, const std::string& precision) {
  const ConvShape shape{n,
                        c,
                        h,
                        w,
                        k,
                        kernel_h,
                        kernel_w,
                        stride_y,
                        stride_x,
                        pad_y,
                        pad_x,
                        groups,
                        parse_precision(precision)};
  shape.validate();
  return shape;
}

py::tuple shape_state(const ConvShape& s) {
  return py::make_tuple(s.n, s.c, s.h, s.w, s.k, s.kernel_h, s.kernel_w, s.stride_y, s.stride_x, s.pad_y,
                        s.pad_x, s.groups, precision_name(s.precision));
}

ConvShape shape_from_state(const py::tuple& t) {
  if (t.size() != 13) throw py::value_error("ConvShape: expected 12 numbers and a precision");
  const auto at = [&](int i) { return t[i].cast<int>(); };
  return make_shape(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11),
                    t[12].cast<std::string>());
}

std::vector<std::string> py_algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain,
                                       int threads) {
  return conv_algorithms(shape, max_packed_bytes, plain, threads > 0 ? threads : num_threads());
}

std::int64_t py_packed_size(const ConvShape& shape, const std::string& algorithm) {
  return conv_algorithm(shape, algorithm).packed_size(shape);
}

std::int64_t py_workspace(const ConvShape& shape, const std::string& algorithm) {
  return conv_workspace(shape, conv_algorithm(shape, algorithm));
}

double py_cost(const ConvShape& shape, const std::string& algorithm) {
  return conv_algorithm(shape, algorithm).cost(shape, num_threads());
}

void py_pack(const ConvShape& shape, const std::string& name, py::handle weights_array,
             py::handle packed_array, std::uintptr_t stream) {
  constexpr const char* op = "conv_pack";
  const ConvAlgorithm& algorithm = conv_algorithm(shape, name);
  const std::int64_t weights = std::int64_t{shape.k} * (shape.c / shape.groups) * shape.taps();
  const float* from = const_floats(weights_array, weights, op, "weights");
  float* to = packed_floats(packed_array, algorithm.packed_size(shape), op, "packed");
  py::gil_scoped_release release;
  algorithm.pack(shape, from, to, stream_of(stream));
}

void check_y(const ConvShape& s, const Tensor& y, const char* op) {
  require(y.n == s.n && y.h == s.out_h() && y.w == s.out_w() && y.blocks() == blocks_of(s.k), op,
          "argument 'y': expected (" + std::to_string(s.n) + ", " + std::to_string(blocks_of(s.k)) + ", " +
              std::to_string(s.out_h()) + ", " + std::to_string(s.out_w()) + ", " + std::to_string(kBlock) +
              ")");
}

// What conv_forward and conv_forward_plain share once x is checked.
void forward(const char* op, const ConvShape& shape, const ConvAlgorithm& algorithm, const float* x,
             py::handle packed, py::handle bias, py::handle y_array, const std::string& activation,
             py::handle workspace, std::uintptr_t stream) {
  const Tensor y = tensor(y_array, op, "y");
  check_y(shape, y, op);
  const RawArray scratch = workspace_floats(workspace, algorithm.workspace(shape, 1), op);
  const ConvCall call{shape,
                      const_packed_floats(packed, algorithm.packed_size(shape), op, "packed"),
                      optional_floats(bias, shape.k, op, "bias"),
                      parse_activation(activation),
                      static_cast<float*>(scratch.data),
                      scratch.size};
  py::gil_scoped_release release;
  conv_forward(algorithm, call, x, y, stream_of(stream));
}

void py_forward(const ConvShape& shape, const std::string& name, py::handle x_array, py::handle packed,
                py::handle bias, py::handle y, const std::string& activation, py::handle workspace,
                std::uintptr_t stream) {
  constexpr const char* op = "conv_forward";
  const ConvAlgorithm& algorithm = conv_algorithm(shape, name);
  require(!algorithm.plain(), op, "algorithm '" + name + "' takes plain input: use conv_forward_plain");
  const ConstTensor x = const_tensor(x_array, op, "x");
  require(x.n == shape.n && x.h == shape.h && x.w == shape.w && x.blocks() == blocks_of(shape.c), op,
          "argument 'x' doesn't fit " + shape.text());
  forward(op, shape, algorithm, x.data, packed, bias, y, activation, workspace, stream);
}

void py_forward_plain(const ConvShape& shape, const std::string& name, py::handle x_array, py::handle packed,
                      py::handle bias, py::handle y, const std::string& activation, py::handle workspace,
                      std::uintptr_t stream) {
  constexpr const char* op = "conv_forward_plain";
  const ConvAlgorithm& algorithm = conv_algorithm(shape, name);
  require(algorithm.plain(), op, "algorithm '" + name + "' takes blocked input: use conv_forward");
  const ConstPlain x = const_plain(x_array, op, "x");
  require(x.n == shape.n && x.c == shape.c && x.h == shape.h && x.w == shape.w, op,
          "argument 'x' doesn't fit " + shape.text());
  forward(op, shape, algorithm, x.data, packed, bias, y, activation, workspace, stream);
}

void bind_shape(Module& m) {
  using py::arg;
  // Local to the module: several instruction sets may be imported side by side.
  py::class_<ConvShape>(m, "ConvShape", py::module_local(),
                        "Geometry of a convolution; ValueError if it makes none")
      .def(py::init(&make_shape), arg("n"), arg("c"), arg("h"), arg("w"), arg("k"), arg("kernel_h"),
           arg("kernel_w"), arg("stride_y") = 1, arg("stride_x") = 1, arg("pad_y") = 0, arg("pad_x") = 0,
           arg("groups") = 1, arg("precision") = "fp32")
      .def_readonly("n", &ConvShape::n)
      .def_readonly("c", &ConvShape::c)
      .def_readonly("h", &ConvShape::h)
      .def_readonly("w", &ConvShape::w)
      .def_readonly("k", &ConvShape::k)
      .def_readonly("kernel_h", &ConvShape::kernel_h)
      .def_readonly("kernel_w", &ConvShape::kernel_w)
      .def_readonly("stride_y", &ConvShape::stride_y)
      .def_readonly("stride_x", &ConvShape::stride_x)
      .def_readonly("pad_y", &ConvShape::pad_y)
      .def_readonly("pad_x", &ConvShape::pad_x)
      .def_readonly("groups", &ConvShape::groups)
      .def_property_readonly("precision", [](const ConvShape& s) { return precision_name(s.precision); })
      .def_property_readonly("out_h", &ConvShape::out_h)
      .def_property_readonly("out_w", &ConvShape::out_w)
      .def_property_readonly("flops", &ConvShape::flops)
      .def("__eq__",
           [](const ConvShape& a, py::object b) {
             return py::isinstance<ConvShape>(b) && shape_state(a).equal(shape_state(b.cast<ConvShape>()));
           })
      .def("__hash__", [](const ConvShape& s) { return py::hash(shape_state(s)); })
      .def("__repr__", &ConvShape::text)
      .def(py::pickle(&shape_state, &shape_from_state));
}

void bind_conv(Module& m) {
  using py::arg;
  bind_shape(m);
  py::list names;
  for (const Precision precision : precisions()) names.append(precision_name(precision));
  m.attr("precisions") = py::tuple(names);
  m.def("conv_algorithms", &py_algorithms, arg("shape"), arg("max_packed_bytes"), arg("plain") = false,
        arg("threads") = 0,
        "Names of the usable algorithms, fastest first by the cost model for so many threads (0: as set)");
  m.def("conv_cost", &py_cost, arg("shape"), arg("algorithm"),
        "Seconds by the cost model, for the current number of threads or the device it describes");
  m.def("conv_packed_size", &py_packed_size, arg("shape"), arg("algorithm"), "Floats of the packed weights");
  m.def("conv_pack", &py_pack, arg("shape"), arg("algorithm"), arg("weights"), arg("packed"),
        arg("stream") = 0,
        "Weights (K, C / groups, R, S) into the algorithm's own layout, which n, h and w don't change");
  m.def("conv_workspace", &py_workspace, arg("shape"), arg("algorithm"),
        "Floats of workspace for the current number of threads");
  m.def("conv_forward", &py_forward, arg("shape"), arg("algorithm"), arg("x"), arg("packed"), arg("bias"),
        arg("y"), arg("activation"), arg("workspace"), arg("stream") = 0,
        "y = activation(conv(x) + bias), x and y blocked");
  m.def("conv_forward_plain", &py_forward_plain, arg("shape"), arg("algorithm"), arg("x"), arg("packed"),
        arg("bias"), arg("y"), arg("activation"), arg("workspace"), arg("stream") = 0,
        "y = activation(conv(x) + bias), x plain and y blocked");
}

const Binding conv_entries(&bind_conv);

}  // namespace
}  // namespace pydarknet::bindings
