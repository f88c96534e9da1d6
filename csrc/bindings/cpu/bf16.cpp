// Entries of inference whose activations are BF16.
#include "ops/cpu/bf16.h"

#include <pybind11/stl.h>

#include <string>

#include "bindings/cpu/narrow.h"
#include "bindings/lib/conv.h"
#include "bindings/lib/module.h"
#include "shared/threads.h"

namespace pydarknet::bindings::bf16 {
namespace {

// What there is of each kind of input.
template <class X>
struct Input;

template <>
struct Input<ConstBf16Tensor> {
  static constexpr bool kIsImage = false;
  static auto convolutions() { return bf16_convolutions(); }
  static ConstBf16Tensor view(py::handle array, const ConvShape& s, Where where) {
    const auto x = narrow_view<const std::uint16_t>(array, where);
    expect_narrow(x, s.n, half_blocks_of(s.c), s.h, s.w, where);
    return x;
  }
};

template <>
struct Input<ConstPlain> {
  static constexpr bool kIsImage = true;
  static auto convolutions() { return bf16_image_convolutions(); }
  static ConstPlain view(py::handle array, const ConvShape& s, Where where) {
    const ConstPlain x = const_plain(array, where.op, where.argument);
    expect_shape(x, s.n, s.c, s.h, s.w, where);
    return x;
  }
};

// To Python a convolution as any other, whose memory is counted in floats.
template <class X>
class Bf16Conv {
 public:
  Bf16Conv(const ConvShape& shape, const std::string& algorithm) : shape_(shape), body_(find(algorithm)) {
    require(shape.groups == 1, kOp, "there is none of " + shape.text() + ", which has groups");
    require(!Input<X>::kIsImage || shape.c <= kMostImageChannels, kOp, "an image has at most 4 channels");
  }
  const ConvShape& shape() const { return shape_; }
  const char* algorithm() const { return body_.name(); }
  std::int64_t packed_size() const { return body_.packed_bytes(shape_) / 4; }
  std::int64_t workspace() const { return body_.workspace(shape_, num_threads()) / 4; }
  bool does(bool add, bool pool) const {
    static const std::uint16_t something = 0;
    return body_.does(shape_, {add ? &something : nullptr, pool});
  }

  void pack(py::handle weights, py::handle packed) const {
    const float* from = const_floats(weights, weights_of(shape_), kOp, "weights");
    float* to = packed_floats(packed, packed_size(), kOp, "packed");
    WithoutGil release;
    body_.pack(shape_, from, reinterpret_cast<std::uint8_t*>(to));
  }

  // y is of BF16 or of floats.
  void forward(py::handle x_array, py::handle packed, py::handle bias, py::handle y_array,
               py::handle activation, py::handle workspace) const {
    if (item_bytes(y_array) == 2) {
      forward_then(x_array, packed, bias, y_array, activation, workspace, py::none(), false);
      return;
    }
    const X x = Input<X>::view(x_array, shape_, {kOp, "x"});
    const Tensor y = tensor(y_array, kOp, "y");
    expect_shape(y, shape_.n, blocks_of(shape_.k), shape_.out_h(), shape_.out_w(), {kOp, "y"});
    const Bf16ConvCall call = call_of(packed, bias, activation, workspace, {});
    WithoutGil release;
    body_.forward(call, x, y);
  }

  void forward_then(py::handle x_array, py::handle packed, py::handle bias, py::handle y_array,
                    py::handle activation, py::handle workspace, py::handle add, bool pool) const {
    require(does(!add.is_none(), pool), kOp,
            std::string(algorithm()) + " can't do this for " + shape_.text());
    const X x = Input<X>::view(x_array, shape_, {kOp, "x"});
    const auto y = narrow_view<std::uint16_t>(y_array, {kOp, "y"});
    const int shrink = pool ? 2 : 1, blocks = half_blocks_of(shape_.k);
    expect_narrow(y, shape_.n, blocks, shape_.out_h() / shrink, shape_.out_w() / shrink, {kOp, "y"});
    require(static_cast<const void*>(x.data) != y.data, kOp, "x and y must be different arrays");
    Bf16Tail tail{nullptr, pool};
    if (!add.is_none()) {
      const auto other = narrow_view<const std::uint16_t>(add, {kOp, "add"});
      expect_narrow_like(other, y, {kOp, "add"});
      tail.add = other.data;
    }
    const Bf16ConvCall call = call_of(packed, bias, activation, workspace, tail);
    WithoutGil release;
    body_.forward(call, x, y);
  }

 private:
  static constexpr const char* kOp = "bf16_conv";

  static const ConvolutionToBf16<X>& find(const std::string& name) {
    for (const ConvolutionToBf16<X>* each : Input<X>::convolutions()) {
      if (name == each->name()) return *each;
    }
    throw py::value_error("bf16_conv: there is no '" + name + "' here");
  }

  Bf16ConvCall call_of(py::handle packed, py::handle bias, py::handle activation, py::handle workspace,
                       const Bf16Tail& tail) const {
    const RawArray scratch = workspace_floats(workspace, body_.workspace(shape_, 1) / 4, kOp);
    const float* weights = const_packed_floats(packed, packed_size(), kOp, "packed");
    return {shape_,
            reinterpret_cast<const std::uint8_t*>(weights),
            optional_floats(bias, shape_.k, kOp, "bias"),
            activation_of(activation, kOp),
            static_cast<std::uint8_t*>(scratch.data),
            scratch.size * 4,
            tail};
  }

  const ConvShape shape_;
  const ConvolutionToBf16<X>& body_;
};

template <class X>
std::vector<std::string> algorithms(const ConvShape& shape) {
  std::vector<std::string> names;
  if (shape.groups > 1 || (Input<X>::kIsImage && shape.c > kMostImageChannels)) return names;
  for (const ConvolutionToBf16<X>* each : Input<X>::convolutions()) names.push_back(each->name());
  return names;
}

void py_from_blocked(py::handle x_array, py::handle y_array, int channels) {
  constexpr const char* op = "bf16_from_blocked";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const auto y = narrow_view<std::uint16_t>(y_array, {op, "y"});
  expect_channels(channels, x, {op, "channels"});
  expect_narrow(y, x.n, half_blocks_of(channels), x.h, x.w, {op, "y"});
  WithoutGil release;
  bf16_from_blocked(x, y, channels);
}

void py_to_blocked(py::handle x_array, py::handle y_array) {
  constexpr const char* op = "bf16_to_blocked";
  const auto x = narrow_view<const std::uint16_t>(x_array, {op, "x"});
  const Tensor y = tensor(y_array, op, "y");
  expect_narrow(x, y.n, half_blocks_of(y.c), y.h, y.w, {op, "x"});
  WithoutGil release;
  bf16_to_blocked(x, y);
}

void py_add(py::handle a_array, py::handle b_array, py::handle y_array) {
  constexpr const char* op = "bf16_add";
  const auto a = narrow_view<const std::uint16_t>(a_array, {op, "a"});
  const auto b = narrow_view<const std::uint16_t>(b_array, {op, "b"});
  const auto y = narrow_view<std::uint16_t>(y_array, {op, "y"});
  expect_narrow_like(b, a, {op, "b"});
  expect_narrow_like(y, a, {op, "y"});
  WithoutGil release;
  bf16_add(a, b, y);
}

template <class X>
void bind_conv(Module& m, const char* name, const char* meaning) {
  using py::arg;
  using Conv = Bf16Conv<X>;
  py::class_<Conv>(m, name, py::module_local(), meaning)
      .def(py::init<const ConvShape&, const std::string&>(), arg("shape"), arg("algorithm"))
      .def_property_readonly("shape", &Conv::shape)
      .def_property_readonly("algorithm", &Conv::algorithm)
      .def_property_readonly("packed_size", &Conv::packed_size, "Floats' worth of packed weights")
      .def("workspace", &Conv::workspace, "Floats' worth of workspace for the current number of threads")
      .def("pack", &Conv::pack, arg("weights"), arg("packed"), "Weights (K, C, R, S) of float32")
      .def("forward", &Conv::forward, arg("x"), arg("packed"), arg("bias"), arg("y"), arg("activation"),
           arg("workspace"), "y = activation(conv(x) + bias), as BF16 or as floats, by y's type")
      .def("does", &Conv::does, arg("add") = false, arg("pool") = false, "Whether forward_then can do this")
      .def("forward_then", &Conv::forward_then, arg("x"), arg("packed"), arg("bias"), arg("y"),
           arg("activation"), arg("workspace"), arg("add") = py::none(), arg("pool") = false,
           "As forward into BF16, and in the same pass y + add, or the 2x2 max-pooling of y with stride 2");
}

void bind_bf16(Module& m) {
  using py::arg;
  m.attr("bf16_block") = kHalfBlock;
  m.def("bf16_algorithms", &algorithms<ConstBf16Tensor>, arg("shape"),
        "Names of those usable for Bf16Conv, fastest first; none without matrix registers");
  m.def("bf16_image_algorithms", &algorithms<ConstPlain>, arg("shape"), "The same for Bf16ImageConv");
  bind_conv<ConstBf16Tensor>(m, "Bf16Conv", "A convolution of BF16 by one of `bf16_algorithms`");
  bind_conv<ConstPlain>(m, "Bf16ImageConv",
                        "A convolution of images (N, C, H, W) in floats by one of `bf16_image_algorithms`");
  m.def("bf16_from_blocked", &py_from_blocked, arg("x"), arg("y"), arg("channels"), "Blocked floats to BF16");
  m.def("bf16_to_blocked", &py_to_blocked, arg("x"), arg("y"), "BF16 to blocked floats");
  m.def("bf16_add", &py_add, arg("a"), arg("b"), arg("y"), "y = a + b");
}

const Binding bf16_entries(&bind_bf16);

}  // namespace
}  // namespace pydarknet::bindings::bf16
