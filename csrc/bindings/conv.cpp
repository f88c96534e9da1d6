#include "ops/conv.h"

#include <pybind11/stl.h>

#include "bindings/lib/conv.h"
#include "ops/conv_backward.h"
#include "shared/activation.h"
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

std::vector<std::string> algorithms(const ConvShape& shape, std::int64_t max_packed_bytes, bool plain,
                                    int threads) {
  return conv_algorithms(shape, max_packed_bytes, plain, threads > 0 ? threads : num_threads());
}

// A convolution of one shape by one algorithm.
struct Conv {
  Conv(const ConvShape& shape, const std::string& name)
      : shape(shape),
        algorithm(conv_algorithm(shape, name)),
        packed_size(algorithm.packed_size(shape)),
        least(algorithm.workspace(shape, 1)) {}

  std::int64_t workspace() const { return algorithm.workspace(shape, num_threads()); }
  double cost() const { return algorithm.cost(shape, num_threads()); }

  void pack(py::handle weights, py::handle packed, std::uintptr_t stream) const {
    constexpr const char* op = "conv_pack";
    const float* from = const_floats(weights, weights_of(shape), op, "weights");
    float* to = packed_floats(packed, packed_size, op, "packed");
    WithoutGil release;
    algorithm.pack(shape, from, to, stream_of(stream));
  }

  void forward(py::handle x_array, py::handle packed, py::handle bias, py::handle y_array,
               py::handle activation, py::handle workspace, std::uintptr_t stream) const {
    constexpr const char* op = "conv_forward";
    const float* x = input_of(x_array, shape, algorithm.plain(), {op, "x"});
    const Tensor y = tensor(y_array, op, "y");
    expect_shape(y, shape.n, blocks_of(shape.k), shape.out_h(), shape.out_w(), {op, "y"});
    const ConvCall call = call_of(packed, bias, activation, workspace, op);
    WithoutGil release;
    conv_forward(algorithm, call, x, y, stream_of(stream));
  }

  ConvCall call_of(py::handle packed, py::handle bias, py::handle activation, py::handle workspace,
                   const char* op, const ConvTail& tail = {}) const {
    const RawArray scratch = workspace_floats(workspace, least, op);
    return {shape,
            const_packed_floats(packed, packed_size, op, "packed"),
            optional_floats(bias, shape.k, op, "bias"),
            activation_of(activation, op),
            static_cast<float*>(scratch.data),
            scratch.size,
            tail};
  }

  bool does(bool add, bool pool) const {
    static const float something = 0.0f;
    return algorithm.does(shape, {add ? &something : nullptr, pool});
  }

  void forward_then(py::handle x_array, py::handle packed, py::handle bias, py::handle y_array,
                    py::handle activation, py::handle workspace, py::handle add, bool pool) const {
    constexpr const char* op = "conv_forward_then";
    if (!does(!add.is_none(), pool)) {
      throw py::value_error(std::string(op) + ": " + algorithm.name() + " can't do this for " + shape.text());
    }
    const float* x = input_of(x_array, shape, algorithm.plain(), {op, "x"});
    const Tensor y = tensor(y_array, op, "y");
    const int shrink = pool ? 2 : 1;
    expect_shape(y, shape.n, blocks_of(shape.k), shape.out_h() / shrink, shape.out_w() / shrink, {op, "y"});
    ConvTail tail{nullptr, pool};
    if (!add.is_none()) {
      const ConstTensor other = const_tensor(add, op, "add");
      expect_like(other, y, {op, "add"});
      tail.add = other.data;
    }
    const ConvCall call = call_of(packed, bias, activation, workspace, op, tail);
    WithoutGil release;
    conv_forward(algorithm, call, x, y, {});
  }

  const ConvShape shape;
  const ConvAlgorithm& algorithm;
  const std::int64_t packed_size;
  const std::int64_t least;  // of the workspace
};

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
      .def(
          "with_precision",
          [](ConvShape s, const std::string& name) {
            s.precision = parse_precision(name);
            return s;
          },
          arg("precision"), "The same geometry with another precision")
      .def_property_readonly("out_h", &ConvShape::out_h)
      .def_property_readonly("out_w", &ConvShape::out_w)
      .def_property_readonly("flops", &ConvShape::flops)
      .def("algorithms", &algorithms, arg("max_packed_bytes"), arg("plain") = false, arg("threads") = 0,
           "Names of those usable for Conv, fastest first by the cost model for so many threads (0: as set)")
      .def("dgrad_algorithms", &conv_dgrad_algorithms, arg("max_packed_bytes"),
           "Names of those usable for ConvDgrad, fastest first")
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
  py::class_<Conv>(m, "Conv", py::module_local(), "A convolution by one of its shape's `algorithms`")
      .def(py::init<const ConvShape&, const std::string&>(), arg("shape"), arg("algorithm"))
      .def_readonly("shape", &Conv::shape)
      .def_property_readonly("algorithm", [](const Conv& conv) { return conv.algorithm.name(); })
      .def_property_readonly(
          "plain", [](const Conv& conv) { return conv.algorithm.plain(); }, "Whether x is")
      .def_readonly("packed_size", &Conv::packed_size, "Floats of the packed weights")
      .def("cost", &Conv::cost,
           "Seconds by the cost model, for the current number of threads or the device it describes")
      .def("workspace", &Conv::workspace, "Floats of workspace for the current number of threads")
      .def("pack", &Conv::pack, Guarded(), arg("weights"), arg("packed"), arg("stream") = 0,
           "Weights (K, C / groups, R, S) into the algorithm's own layout, which n, h and w don't change")
      .def("forward", &Conv::forward, Guarded(), arg("x"), arg("packed"), arg("bias"), arg("y"),
           arg("activation"), arg("workspace"), arg("stream") = 0,
           "y = activation(conv(x) + bias), x as `plain` says, y blocked")
      .def("does", &Conv::does, arg("add") = false, arg("pool") = false, "Whether forward_then can do this")
      .def("forward_then", &Conv::forward_then, Guarded(), arg("x"), arg("packed"), arg("bias"), arg("y"),
           arg("activation"), arg("workspace"), arg("add") = py::none(), arg("pool") = false,
           "As forward, and in the same pass y + add, or the 2x2 max-pooling of y with stride 2; ValueError "
           "where `does` says no");
}

const Binding conv_entries(&bind_conv);

}  // namespace
}  // namespace pydarknet::bindings
