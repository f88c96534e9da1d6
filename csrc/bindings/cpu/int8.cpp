// Entries of inference in 8 bits, which only the CPU has: the build leaves this folder out of devices'
// extensions.
#include "ops/cpu/int8.h"

#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

#include "bindings/cpu/narrow.h"
#include "bindings/lib/conv.h"
#include "bindings/lib/module.h"
#include "shared/threads.h"

namespace pydarknet::bindings::int8 {
namespace {

ConstBytes const_bytes(py::handle object, const char* op, const char* argument, int lanes = kByteBlock) {
  return narrow_view<const std::uint8_t>(object, {op, argument}, lanes);
}
Bytes bytes(py::handle object, const char* op, const char* argument, int lanes = kByteBlock) {
  return narrow_view<std::uint8_t>(object, {op, argument}, lanes);
}

void expect_zero(int zero, Where where) { expect_range(zero, 0, 255, where); }

// A flat array of `least` elements.
const void* contents(py::handle object, const char* type, std::int64_t least, Where where) {
  const RawArray a = raw_array(object, type, false, where);
  if (a.size < least) where.fail("expected at least " + std::to_string(least) + " elements");
  return a.data;
}
RawArray memory(py::handle object, bool writable, std::int64_t least, Where where) {
  const RawArray a = raw_array(object, "|u1", writable, where);
  if (a.size < least) where.fail("expected at least " + std::to_string(least) + " bytes");
  if (reinterpret_cast<std::uintptr_t>(a.data) % kAlignment) where.fail("begins at no aligned address");
  return a;
}

int padded(int k) { return (k + kByteBlock - 1) / kByteBlock * kByteBlock; }

class Int8Conv {
 public:
  Int8Conv(const ConvShape& shape, bool image, const std::string& body, bool tiles)
      : shape_(shape), lanes_(image ? kImageBlock : kByteBlock), body_(find(body, tiles)) {
    require(!tiles || (!image && int8_tiles(shape)), kOp, "there are no tiles of " + shape.text());
    require(int8_supports(shape), kOp, "sums of " + shape.text() + " don't fit 32 bits, or it has groups");
    require(!image || shape.c <= kImageBlock, kOp, "an image has at most 4 channels");
    packed_ = body_.packed_bytes(shape_, lanes_);
  }
  const char* body() const { return body_.name(); }
  std::int64_t packed_bytes() const { return packed_; }
  // Whether forward can pool: the body can, and all windows are whole.
  bool pools() const {
    return body_.pools(shape_, lanes_) && shape_.out_h() % 2 == 0 && shape_.out_w() % 2 == 0;
  }
  std::int64_t workspace() const {
    std::int64_t most = 0;
    for (int threads = 1; threads <= num_threads(); ++threads) {
      most = std::max(most, body_.workspace(shape_, lanes_, threads));
    }
    return most;
  }

  void pack(py::handle weights, py::handle packed) const {
    const std::int64_t count = std::int64_t{shape_.k} * shape_.c * shape_.taps();
    const auto* from = static_cast<const std::int8_t*>(contents(weights, "|i1", count, {kOp, "weights"}));
    auto* to = static_cast<std::uint8_t*>(memory(packed, true, packed_, {kOp, "packed"}).data);
    WithoutGil release;
    body_.pack(shape_, lanes_, from, to);
  }

  py::array_t<float> units(py::handle packed) const {
    const RawArray from = memory(packed, false, packed_, {kOp, "packed"});
    py::array_t<float> to(shape_.k);
    body_.units(shape_, static_cast<const std::uint8_t*>(from.data), to.mutable_data());
    return to;
  }

  void forward(py::handle x_array, int zero_x, py::handle packed, py::handle start, py::handle scale,
               float slope, py::handle y_array, int zero_y, py::handle workspace_array, bool pooled) const {
    const ConstBytes x = const_bytes(x_array, kOp, "x", lanes_);
    expect_narrow(x, shape_.n, (shape_.c + lanes_ - 1) / lanes_, shape_.h, shape_.w, {kOp, "x"});
    expect_zero(zero_x, {kOp, "zero_x"});
    expect_zero(zero_y, {kOp, "zero_y"});
    require(slope >= 0 && slope <= 1, kOp, "argument 'slope': expected a number from 0 to 1");
    require(!pooled || pools(), kOp, "pools no windows of 2 x 2 of " + shape_.text());
    const RawArray scratch =
        memory(workspace_array, true, body_.workspace(shape_, lanes_, 1), {kOp, "workspace"});
    const Int8ConvCall call{
        shape_,
        zero_x,
        static_cast<const std::uint8_t*>(memory(packed, false, packed_, {kOp, "packed"}).data),
        {static_cast<const std::int32_t*>(contents(start, "<i4", padded(shape_.k), {kOp, "start"})),
         static_cast<const float*>(contents(scale, "<f4", padded(shape_.k), {kOp, "scale"})), slope, zero_y},
        static_cast<std::uint8_t*>(scratch.data),
        scratch.size,
        pooled};
    run(call, x, y_array);
  }

 private:
  static constexpr const char* kOp = "int8_conv";

  static const Int8Convolution& find(const std::string& name, bool tiles) {
    for (const Int8Convolution* each : int8_convolutions(tiles)) {
      if (name.empty() || name == each->name()) return *each;
    }
    throw py::value_error("int8_conv: this machine has no '" + name + "'");
  }

  // y is of bytes or of floats.
  void run(const Int8ConvCall& call, ConstBytes x, py::handle y_array) const {
    if (item_bytes(y_array) == 1) {
      const Bytes y = bytes(y_array, kOp, "y");
      const int shrunk = call.pooled ? 2 : 1;
      expect_narrow(y, shape_.n, padded(shape_.k) / kByteBlock, shape_.out_h() / shrunk,
                    shape_.out_w() / shrunk, {kOp, "y"});
      require(x.data != y.data, kOp, "x and y must be different arrays");
      WithoutGil release;
      body_.forward(call, x, y);
    } else {
      require(!call.pooled, kOp, "argument 'pooled': only into bytes");
      const Tensor y = tensor(y_array, kOp, "y");
      expect_shape(y, shape_.n, blocks_of(shape_.k), shape_.out_h(), shape_.out_w(), {kOp, "y"});
      WithoutGil release;
      body_.forward(call, x, y);
    }
  }

  const ConvShape shape_;
  const int lanes_;
  const Int8Convolution& body_;
  std::int64_t packed_ = 0;
};

void py_quantize(py::handle x_array, py::handle y_array, float per_unit, int zero) {
  constexpr const char* op = "int8_quantize";
  const ConstTensor x = const_tensor(x_array, op, "x");
  const Bytes y = bytes(y_array, op, "y");
  expect_zero(zero, {op, "zero"});
  expect_narrow(y, x.n, padded(x.c) / kByteBlock, x.h, x.w, {op, "y"});
  WithoutGil release;
  int8_quantize(x, y, per_unit, zero);
}

void py_quantize_image(py::handle x_array, py::handle y_array, float per_unit, int zero) {
  constexpr const char* op = "int8_quantize_image";
  const ConstPlain x = const_plain(x_array, op, "x");
  const Bytes y = bytes(y_array, op, "y", kImageBlock);
  expect_zero(zero, {op, "zero"});
  expect_range(x.c, 1, kImageBlock, {op, "x"});
  expect_narrow(y, x.n, 1, x.h, x.w, {op, "y"});
  WithoutGil release;
  int8_quantize_image(x, y, per_unit, zero);
}

void py_dequantize(py::handle x_array, py::handle y_array, float scale, int zero) {
  constexpr const char* op = "int8_dequantize";
  const ConstBytes x = const_bytes(x_array, op, "x");
  const Tensor y = tensor(y_array, op, "y");
  expect_zero(zero, {op, "zero"});
  expect_narrow(x, y.n, padded(y.c) / kByteBlock, y.h, y.w, {op, "x"});
  WithoutGil release;
  int8_dequantize(x, y, scale, zero);
}

void py_copy_channels(py::handle x_array, py::handle y_array, int from, int to, int channels, float ratio,
                      int zero_x, int zero_y) {
  constexpr const char* op = "int8_copy_channels";
  const ConstBytes x = const_bytes(x_array, op, "x");
  const Bytes y = bytes(y_array, op, "y");
  expect_zero(zero_x, {op, "zero_x"});
  expect_zero(zero_y, {op, "zero_y"});
  expect_range(channels, 1, kLargest, {op, "channels"});
  expect_range(from, 0, x.blocks * kByteBlock - std::int64_t{channels}, {op, "from"});
  expect_range(to, 0, y.blocks * kByteBlock - std::int64_t{channels}, {op, "to"});
  expect_narrow(y, x.n, y.blocks, x.h, x.w, {op, "y"});
  require(x.data != y.data, op, "x and y must be different arrays");
  WithoutGil release;
  int8_copy_channels(x, y, from, to, channels, ratio, zero_x, zero_y);
}

void py_add(py::handle a_array, int zero_a, int factor_a, py::handle b_array, int zero_b, int factor_b,
            py::handle y_array, int shift, int zero) {
  constexpr const char* op = "int8_add";
  const ConstBytes a = const_bytes(a_array, op, "a"), b = const_bytes(b_array, op, "b");
  const Bytes y = bytes(y_array, op, "y");
  for (const int each : {zero_a, zero_b, zero}) expect_zero(each, {op, "zero"});
  for (const int each : {factor_a, factor_b}) expect_range(each, -(1 << 21), 1 << 21, {op, "factor"});
  expect_range(shift, 1, 29, {op, "shift"});
  expect_narrow(b, a.n, a.blocks, a.h, a.w, {op, "b"});
  expect_narrow(y, a.n, a.blocks, a.h, a.w, {op, "y"});
  WithoutGil release;
  int8_add({a, zero_a, factor_a}, {b, zero_b, factor_b}, y, shift, zero);
}

std::vector<std::string> bodies(bool tiles) {
  std::vector<std::string> names;
  for (const Int8Convolution* each : int8_convolutions(tiles)) names.push_back(each->name());
  return names;
}

void bind_int8(Module& m) {
  using py::arg;
  m.attr("int8_block") = kByteBlock;
  m.attr("int8_image_block") = kImageBlock;
  m.def("int8_bodies", &bodies, arg("tiles") = false,
        "Names of the ways to multiply that this machine has, the fastest first");
  m.def("int8_supports", &int8_supports, arg("shape"), "Whether there is an Int8Conv of this ConvShape");
  m.def("int8_tiles", &int8_tiles, arg("shape"), "Whether there is one by tiles");
  py::class_<Int8Conv>(m, "Int8Conv", py::module_local(), "A convolution of bytes by signed bytes, exact")
      .def(py::init<const ConvShape&, bool, const std::string&, bool>(), arg("shape"), arg("image") = false,
           arg("body") = "", arg("tiles") = false)
      .def_property_readonly("body", &Int8Conv::body)
      .def_property_readonly("packed_bytes", &Int8Conv::packed_bytes)
      .def_property_readonly("pools", &Int8Conv::pools)
      .def("workspace", &Int8Conv::workspace,
           "Bytes of workspace for the current number of threads and fewer")
      .def("units", &Int8Conv::units, arg("packed"),
           "What one of the sums is in products of weights and bytes, (K,)")
      .def("pack", &Int8Conv::pack, arg("weights"), arg("packed"), "Weights (K, C, R, S) of int8")
      .def("forward", &Int8Conv::forward, arg("x"), arg("zero_x"), arg("packed"), arg("start"), arg("scale"),
           arg("slope"), arg("y"), arg("zero_y"), arg("workspace"), arg("pooled") = false,
           "y = rectified (sum of (weight * byte) + start) * scale, as bytes or as floats, by y's type; "
           "pooled, the "
           "maximum of each 2 x 2 of them, if scales are above 0");
  m.def("int8_quantize", &py_quantize, arg("x"), arg("y"), arg("per_unit"), arg("zero"),
        "Blocked floats to blocked bytes");
  m.def("int8_quantize_image", &py_quantize_image, arg("x"), arg("y"), arg("per_unit"), arg("zero"),
        "An image (N, C, H, W) to bytes, 4 a pixel");
  m.def("int8_dequantize", &py_dequantize, arg("x"), arg("y"), arg("scale"), arg("zero"),
        "Blocked bytes to blocked floats");
  m.def("int8_copy_channels", &py_copy_channels, arg("x"), arg("y"), arg("from_channel"), arg("to_channel"),
        arg("channels"), arg("ratio"), arg("zero_x"), arg("zero_y"),
        "Some channels of x into y, in y's scale");
  m.def("int8_add", &py_add, arg("a"), arg("zero_a"), arg("factor_a"), arg("b"), arg("zero_b"),
        arg("factor_b"), arg("y"), arg("shift"), arg("zero"), "The sum of two arrays in the scale of y");
}

const Binding int8_entries(&bind_int8);

}  // namespace
}  // namespace pydarknet::bindings::int8
